// SPDX-License-Identifier: GPL-3.0-or-later
#include "settings.h"

#include <algorithm>
#include <memory>
#include <regex>

namespace vnaops {
namespace {

constexpr const char* kSection = "S3Storage";
constexpr const char* kDeletion = "TestDeletion";
constexpr const char* kKeys[] = {
    "Enable",         "Endpoint",     "Bucket",             "Region",
    "Prefix",         "StorageClass", "RetentionMode",      "RetentionDays",
    "ProbePatientId", "ProbeTag",     "ProbeRetentionDays", "ProbeSweepSeconds",
    "PartSizeMB",     "CaFile",       "ReadTimeoutSeconds", "ConnectTimeoutSeconds",
    "CredentialsFile"};

[[noreturn]] void refuse(const std::string& key, const std::string& rule) {
  throw SettingsError(std::string(kSection) + "." + key + " " + rule);
}

std::string text(const Json::Value& section, const char* key, const std::string& otherwise) {
  if (!section.isMember(key)) return otherwise;
  if (!section[key].isString()) refuse(key, "must be a string");
  return section[key].asString();
}

int number(const Json::Value& section, const char* key, int otherwise, int least, int most) {
  if (!section.isMember(key)) return otherwise;
  const Json::Value& value = section[key];
  if (!value.isInt() || value.asInt() < least || value.asInt() > most) {
    refuse(key, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value.asInt();
}

void mustMatch(const char* key, const std::string& value, const char* pattern, const char* rule) {
  if (!std::regex_match(value, std::regex(pattern))) refuse(key, std::string("must be ") + rule);
}

// The class of the prober's objects: shorter kept, never longer, and only beside a retention that is said here.
void parseProbeClass(const Json::Value& section, Settings& s) {
  s.probePatientId = text(section, "ProbePatientId", "");
  mustMatch("ProbePatientId", s.probePatientId, "([A-Za-z0-9._-]{8,64})?",
            "8 to 64 letters, digits, dots and dashes (shorter ones may be a patient's), or empty");
  if (s.probePatientId.empty()) {
    for (const char* key : {"ProbeRetentionDays", "ProbeTag", "ProbeSweepSeconds"})
      if (section.isMember(key)) refuse(key, "cannot be set without ProbePatientId: there would be no such class");
    return;
  }
  if (s.retentionMode.empty())
    refuse("ProbePatientId", "cannot be set without RetentionMode: the bucket's default would hold for probes too");
  s.probeRetentionDays = number(section, "ProbeRetentionDays", s.probeRetentionDays, 1, s.retentionDays);
  s.probeSweepInterval = std::chrono::seconds(number(section, "ProbeSweepSeconds", 300, 1, 86400));
  if (!section.isMember("ProbeTag")) return;
  if (!section["ProbeTag"].isBool()) refuse("ProbeTag", "must be true or false");
  s.probeTag = section["ProbeTag"].asBool();
}

// Short ones would match patients.
std::string deletionPrefix(const Json::Value& configuration) {
  if (!configuration.isMember(kDeletion)) return "";
  const Json::Value& section = configuration[kDeletion];
  const Json::Value prefix = section.isObject() ? section["PatientIdPrefix"] : Json::Value();
  if (!prefix.isString() || prefix.asString().size() < 8 || section.size() != 1)
    throw SettingsError(std::string(kDeletion) +
                        " must be a section with PatientIdPrefix and nothing else: 8 characters or more, since shorter "
                        "ones may begin a patient's");
  return prefix.asString();
}

}  // namespace

Json::Value parseConfiguration(const std::string& text) {
  Json::Value root;
  const std::unique_ptr<Json::CharReader> reader(Json::CharReaderBuilder().newCharReader());
  std::string errors;
  // The parser's message is left out: it quotes the text, which has passwords in it.
  if (!reader->parse(text.data(), text.data() + text.size(), &root, &errors) || !root.isObject()) {
    throw SettingsError("Orthanc's configuration must be a JSON object");
  }
  return root;
}

Settings Settings::parse(const Json::Value& configuration) {
  const Json::Value& section = configuration[kSection];
  if (!section.isObject()) throw SettingsError(std::string(kSection) + " must be a section of Orthanc's configuration");
  for (const std::string& key : section.getMemberNames()) {
    if (std::find(std::begin(kKeys), std::end(kKeys), key) == std::end(kKeys))
      refuse(key, "is not a setting: a misspelt one would be ignored in silence");
  }

  Settings s;
  s.storageFolder = configuration.get("StorageDirectory", "").asString();
  s.testPatientIdPrefix = deletionPrefix(configuration);
  if (section.isMember("Enable")) {
    if (!section["Enable"].isBool()) refuse("Enable", "must be true or false");
    s.enabled = section["Enable"].asBool();
    if (!s.enabled && section.size() > 1) refuse("Enable", "is false, but other keys are set: nothing would use them");
    if (!s.enabled && s.storageFolder.rfind('/', 0) != 0)
      refuse("Enable", "is false: StorageDirectory must say where instances are, as an absolute path");
    if (!s.enabled) return s;
  }
  s.endpoint = text(section, "Endpoint", "");
  mustMatch("Endpoint", s.endpoint, "https?://[A-Za-z0-9._-]+(:[0-9]{1,5})?/?",
            "like \"https://s3.hospital.example:443\", without a path");
  if (s.endpoint.back() == '/') s.endpoint.pop_back();
  s.host = s.endpoint.substr(s.endpoint.find("//") + 2);
  const bool tls = s.endpoint.rfind("https", 0) == 0;
  const std::string defaultPort = tls ? ":443" : ":80";
  if (s.host.size() > defaultPort.size() &&
      s.host.compare(s.host.size() - defaultPort.size(), std::string::npos, defaultPort) == 0) {
    s.host.resize(s.host.size() - defaultPort.size());  // as libcurl writes the Host header
  }
  s.bucket = text(section, "Bucket", "");
  mustMatch("Bucket", s.bucket, "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
            "3 to 63 lower-case letters, digits, dots and dashes (S3 bucket naming rules)");
  s.region = text(section, "Region", s.region);
  mustMatch("Region", s.region, "[A-Za-z0-9-]+", "letters, digits and dashes, like \"us-east-1\"");
  s.prefix = text(section, "Prefix", "");
  mustMatch("Prefix", s.prefix, "([A-Za-z0-9._-]+/)*([A-Za-z0-9._-]+)?",
            "names of letters, digits, dots and dashes, separated by slashes");
  if (!s.prefix.empty() && s.prefix.back() != '/') s.prefix += '/';
  s.storageClass = text(section, "StorageClass", s.storageClass);
  mustMatch("StorageClass", s.storageClass, "[A-Za-z0-9_-]+", "a storage class of the endpoint, like \"STANDARD\"");
  s.retentionMode = text(section, "RetentionMode", "");
  mustMatch("RetentionMode", s.retentionMode, "(GOVERNANCE|COMPLIANCE)?", "\"GOVERNANCE\", \"COMPLIANCE\" or empty");
  s.retentionDays = number(section, "RetentionDays", 0, 0, 36500);
  if (s.retentionMode.empty() && s.retentionDays != 0)
    refuse("RetentionDays", "cannot be set without RetentionMode: nothing would be kept");
  if (!s.retentionMode.empty() && s.retentionDays == 0)
    refuse("RetentionDays", "must be at least 1 where RetentionMode is set: a mode without days keeps nothing");
  parseProbeClass(section, s);
  s.credentialsFile = text(section, "CredentialsFile", "");
  if (s.credentialsFile.empty())
    refuse("CredentialsFile", "must name an AWS shared credentials file: keys never stand in the configuration itself");
  s.caFile = text(section, "CaFile", "");
  if (!s.caFile.empty() && !tls) refuse("CaFile", "cannot be set where Endpoint is http: nothing would be verified");
  // S3 takes parts of 5 MiB to 5 GiB, 10,000 at most; 5 GiB is also its limit for one put.
  s.partSize = static_cast<uint64_t>(number(section, "PartSizeMB", 64, 5, 4096)) << 20;
  s.connectTimeout = std::chrono::seconds(number(section, "ConnectTimeoutSeconds", 2, 1, 60));
  s.readTimeout = std::chrono::seconds(number(section, "ReadTimeoutSeconds", 10, 1, 600));
  return s;
}

}  // namespace vnaops

// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <json/json.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace vnaops {

// The message is one line: the setting's path, the rule, and why.
class SettingsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The section "S3Storage" of Orthanc's configuration; README.md has the table of its keys.
struct Settings {
  bool enabled = true;   // false: Orthanc's own storage area keeps the instances, and nothing else here is set
  std::string endpoint;  // scheme and authority, without a trailing slash
  std::string host;      // what the Host header will say: it is signed
  std::string bucket;
  std::string region = "us-east-1";
  std::string prefix;  // empty, or ends with a slash
  std::string storageClass = "STANDARD";
  std::string retentionMode;  // GOVERNANCE, COMPLIANCE, or empty: the bucket's default holds
  int retentionDays = 0;
  std::string probePatientId;  // whose instances are of class probe; empty: there is no such class
  int probeRetentionDays = 1;
  bool probeTag = true;  // objects of class probe carry the tag vnaops-class=probe
  std::chrono::seconds probeSweepInterval{300};  // between two rounds of the sweep of expired probes' rows
  std::string credentialsFile;
  std::string caFile;                      // empty: the system's authorities
  uint64_t partSize = uint64_t{64} << 20;  // bytes
  std::chrono::seconds connectTimeout{2};
  std::chrono::seconds readTimeout{10};  // without a byte moving in either direction

  // From other sections of Orthanc's configuration.
  std::string storageFolder;           // "StorageDirectory"
  std::string testPatientIdPrefix;     // "TestDeletion"."PatientIdPrefix"; empty: no study can be deleted

  // Throws SettingsError.
  static Settings parse(const Json::Value& configuration);
};

// Throws SettingsError: the text isn't a JSON object.
Json::Value parseConfiguration(const std::string& text);

}  // namespace vnaops

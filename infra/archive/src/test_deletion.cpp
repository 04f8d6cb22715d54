// SPDX-License-Identifier: GPL-3.0-or-later
#include "test_deletion.h"

#include <memory>
#include <regex>
#include <stdexcept>
#include <utility>

namespace vnaops {
namespace {

class Buffer {
 public:
  explicit Buffer(OrthancPluginContext* orthanc) : orthanc_(orthanc) {}
  ~Buffer() { OrthancPluginFreeMemoryBuffer(orthanc_, &buffer_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  OrthancPluginMemoryBuffer* target() { return &buffer_; }

  Json::Value json() const {
    const auto* begin = static_cast<const char*>(buffer_.data);
    Json::Value value;
    const std::unique_ptr<Json::CharReader> reader(Json::CharReaderBuilder().newCharReader());
    if (!reader->parse(begin, begin + buffer_.size, &value, nullptr))
      throw std::runtime_error("Orthanc's answer is no JSON");
    return value;
  }

 private:
  OrthancPluginContext* const orthanc_;
  OrthancPluginMemoryBuffer buffer_{};
};

[[noreturn]] void failed(const std::string& what, OrthancPluginErrorCode code) {
  throw std::runtime_error(what + " failed (Orthanc's error " + std::to_string(code) + ")");
}

TestDeletion::Answer answer(uint16_t status, const char* key, const Json::Value& value) {
  Json::Value said;
  said[key] = value;
  Json::StreamWriterBuilder writer;
  writer["indentation"] = "";
  return {status, Json::writeString(writer, said) + "\n"};
}

}  // namespace

TestDeletion::TestDeletion(OrthancPluginContext* orthanc, std::string patientIdPrefix)
    : orthanc_(orthanc), prefix_(std::move(patientIdPrefix)) {}

// Null where there is no such resource (any more).
Json::Value TestDeletion::get(const std::string& path) const {
  Buffer buffer(orthanc_);
  const OrthancPluginErrorCode code = OrthancPluginRestApiGet(orthanc_, buffer.target(), path.c_str());
  if (code == OrthancPluginErrorCode_UnknownResource) return Json::nullValue;
  if (code != OrthancPluginErrorCode_Success) failed("asking the index", code);
  return buffer.json();
}

// Not OrthancPluginLookupStudy: where two patients share the UID it says that there is none.
std::vector<std::string> TestDeletion::studies(const std::string& uid) const {
  Buffer buffer(orthanc_);
  const OrthancPluginErrorCode code = OrthancPluginRestApiPost(orthanc_, buffer.target(), "/tools/lookup", uid.data(),
                                                               static_cast<uint32_t>(uid.size()));
  if (code != OrthancPluginErrorCode_Success) failed("looking the study up", code);
  std::vector<std::string> found;
  for (const Json::Value& one : buffer.json()) {
    if (one["Type"].asString() == "Study") found.push_back(one["ID"].asString());
  }
  return found;
}

bool TestDeletion::isTest(const Json::Value& study) const {
  if (study["PatientMainDicomTags"]["PatientID"].asString().rfind(prefix_, 0) != 0) return false;
  for (const Json::Value& id : study["Series"]) {
    const Json::Value series = get("/series/" + id.asString());
    if (series.isNull()) continue;  // deleted meanwhile
    const Json::Value tags = get("/instances/" + series["Instances"][0].asString() + "/simplified-tags");
    if (!tags.isNull() && tags["QualityControlSubject"].asString() != "YES") return false;
  }
  return true;
}

TestDeletion::Answer TestDeletion::remove(const std::string& uid) const {
  if (!std::regex_match(uid, std::regex("[0-9.]{1,64}")))
    return answer(400, "reason", "a Study Instance UID has at most 64 digits and dots (PS3.5 section 9.1)");
  std::vector<std::string> found;
  for (const std::string& id : studies(uid)) {
    const Json::Value study = get("/studies/" + id);
    // the look-up also finds what has the text as its accession number
    if (study.isNull() || study["MainDicomTags"]["StudyInstanceUID"].asString() != uid) continue;
    if (!isTest(study)) {
      return answer(403, "reason",
                    "this study is not marked as a test (Patient ID (0010,0020) begins with " + prefix_ +
                        ", Quality Control Subject (0010,0200) is YES): nothing was deleted");
    }
    found.push_back(id);
  }
  if (found.empty()) return answer(404, "reason", "there is no study with this Study Instance UID");
  for (const std::string& id : found) {
    const OrthancPluginErrorCode code = OrthancPluginRestApiDelete(orthanc_, ("/studies/" + id).c_str());
    if (code != OrthancPluginErrorCode_Success && code != OrthancPluginErrorCode_UnknownResource)
      failed("deleting the study", code);
  }
  return answer(200, "deleted", static_cast<Json::UInt>(found.size()));
}

}  // namespace vnaops

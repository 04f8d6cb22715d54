// SPDX-License-Identifier: GPL-3.0-or-later
#include "test_deletion.h"

#include <regex>
#include <utility>

namespace vnaops {
namespace {

TestDeletion::Answer answer(uint16_t status, const char* key, const Json::Value& value) {
  Json::Value said;
  said[key] = value;
  return {status, oneLine(said) + "\n"};
}

}  // namespace

TestDeletion::TestDeletion(OrthancPluginContext* orthanc, std::string patientIdPrefix)
    : index_(orthanc), prefix_(std::move(patientIdPrefix)) {}

// Not OrthancPluginLookupStudy: where two patients share the UID it says that there is none.
std::vector<std::string> TestDeletion::studies(const std::string& uid) const {
  std::vector<std::string> found;
  for (const Json::Value& one : index_.post("/tools/lookup", uid)) {
    if (one["Type"].asString() == "Study") found.push_back(one["ID"].asString());
  }
  return found;
}

bool TestDeletion::isTest(const Json::Value& study) const {
  if (study["PatientMainDicomTags"]["PatientID"].asString().rfind(prefix_, 0) != 0) return false;
  for (const Json::Value& id : study["Series"]) {
    const Json::Value series = index_.get("/series/" + id.asString());
    if (series.isNull()) continue;  // deleted meanwhile
    const Json::Value tags = index_.get("/instances/" + series["Instances"][0].asString() + "/simplified-tags");
    if (!tags.isNull() && tags["QualityControlSubject"].asString() != "YES") return false;
  }
  return true;
}

TestDeletion::Answer TestDeletion::remove(const std::string& uid) const {
  if (!std::regex_match(uid, std::regex("[0-9.]{1,64}")))
    return answer(400, "reason", "a Study Instance UID has at most 64 digits and dots (PS3.5 section 9.1)");
  std::vector<std::string> found;
  for (const std::string& id : studies(uid)) {
    const Json::Value study = index_.get("/studies/" + id);
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
  for (const std::string& id : found) index_.remove("/studies/" + id);
  return answer(200, "deleted", static_cast<Json::UInt>(found.size()));
}

}  // namespace vnaops

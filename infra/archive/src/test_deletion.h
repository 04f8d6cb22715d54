// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <json/json.h>
#include <orthanc/OrthancCPlugin.h>

#include <string>
#include <vector>

#include "rest.h"

namespace vnaops {

// Deletes studies of test patients, and of nobody else: it asks the index and the instances themselves whose study it
// is, so that a client's mistake can't delete a patient's.
class TestDeletion {
 public:
  // Test patients are those whose Patient ID begins with the prefix and whose Quality Control Subject is YES.
  TestDeletion(OrthancPluginContext* orthanc, std::string patientIdPrefix);

  struct Answer {
    uint16_t status;   // HTTP
    std::string json;  // {"deleted": studies} or {"reason": text}; no value of a study is repeated in it
  };
  Answer remove(const std::string& studyInstanceUid) const;

 private:
  std::vector<std::string> studies(const std::string& uid) const;
  bool isTest(const Json::Value& study) const;

  const Rest index_;
  const std::string prefix_;
};

}  // namespace vnaops

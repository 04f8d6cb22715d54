// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <json/json.h>
#include <orthanc/OrthancCPlugin.h>

#include <string>

namespace vnaops {

// Orthanc's own REST interface, asked from within. Paths like "/instances/ID". Every method throws std::runtime_error
// with Orthanc's error code where Orthanc fails, and may be called by many threads.
class Rest {
 public:
  explicit Rest(OrthancPluginContext* orthanc) : orthanc_(orthanc) {}

  Json::Value get(const std::string& path) const;  // null where there is no such resource (any more)
  Json::Value post(const std::string& path, const std::string& body) const;
  void remove(const std::string& path) const;  // also where there is no such resource (any more)

 private:
  OrthancPluginContext* const orthanc_;
};

// On one line.
std::string oneLine(const Json::Value& value);

}  // namespace vnaops

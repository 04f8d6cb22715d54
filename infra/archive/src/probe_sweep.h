// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <json/json.h>
#include <orthanc/OrthancCPlugin.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "metrics.h"
#include "rest.h"

namespace vnaops {

// Takes the rows of expired probes out of the index, in a thread of its own: a life cycle rule has removed their
// objects, and Orthanc would list them for ever. It never removes an object, and takes a row only where all is certain:
// the index says exactly this Patient ID, the archive received it longer ago than the retention, the DICOM file is its
// only attachment, and S3 says that this file is gone. Anything else stays for a later round.
class ProbeSweep {
 public:
  // Whether the DICOM file with this uuid is gone from the bucket; throws std::exception where that is in doubt.
  using IsGone = std::function<bool(const std::string& uuid)>;

  ProbeSweep(OrthancPluginContext* orthanc, Metrics& metrics, std::string patientId, int retentionDays,
             std::chrono::seconds interval, IsGone isGone);
  ~ProbeSweep();
  ProbeSweep(const ProbeSweep&) = delete;
  ProbeSweep& operator=(const ProbeSweep&) = delete;

  void start();
  void stop();  // returns when the one question to index or bucket that is under way has its answer

  // Whether the sweep takes the row of this attachment: Orthanc then asks for its removal, and there is nothing to
  // remove.
  bool isForgetting(const std::string& uuid);

 private:
  void run();
  bool isStoppedWithin(std::chrono::milliseconds time);
  void round();
  void lookAtSome();
  std::vector<std::string> oldSeries() const;
  std::vector<std::string> instancesOf(const std::string& series) const;
  std::string next();  // the pass's next instance; empty at its end
  bool lookAt(const std::string& instance);  // false where its row has vanished meanwhile

  OrthancPluginContext* const orthanc_;
  const Rest index_;
  Metrics& metrics_;
  const std::string patientId_;
  const std::chrono::hours retention_;
  const std::chrono::milliseconds interval_;
  const IsGone isGone_;

  // The thread's own. A pass takes several rounds: what is left of it, by Orthanc's identifiers.
  std::vector<std::string> series_;
  std::vector<std::string> instances_;
  unsigned int taken_ = 0;  // rows forgotten in this round

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::string forgetting_;  // uuid of the file whose row is or was the last to go
  std::thread thread_;
};

}  // namespace vnaops

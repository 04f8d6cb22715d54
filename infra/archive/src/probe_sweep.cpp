// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe_sweep.h"

#include <ctime>
#include <regex>
#include <utility>

#include "signature.h"

namespace vnaops {
namespace {

// Stores wait for the one index connection: few rows at a time, and a pause that leaves it to them.
constexpr Json::UInt kBatch = 200;
constexpr std::chrono::milliseconds kPause{100};
// Objects go a day after their lock's end, at a midnight: rows of earlier study dates are not worth a question to S3.
constexpr std::chrono::hours kUntilGone{48};

std::string past(std::chrono::hours ago) {
  return basicTime(std::time(nullptr) - std::chrono::duration_cast<std::chrono::seconds>(ago).count());
}

}  // namespace

ProbeSweep::ProbeSweep(OrthancPluginContext* orthanc, Metrics& metrics, std::string patientId, int retentionDays,
                       std::chrono::seconds interval, IsGone isGone)
    : orthanc_(orthanc),
      index_(orthanc),
      metrics_(metrics),
      patientId_(std::move(patientId)),
      retention_(24 * retentionDays),
      interval_(interval),
      isGone_(std::move(isGone)) {}

ProbeSweep::~ProbeSweep() { stop(); }

void ProbeSweep::start() { thread_ = std::thread([this] { run(); }); }

void ProbeSweep::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool ProbeSweep::isForgetting(const std::string& uuid) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return !uuid.empty() && uuid == forgetting_;
}

void ProbeSweep::run() {
  while (!isStoppedWithin(interval_)) round();
}

bool ProbeSweep::isStoppedWithin(std::chrono::milliseconds time) {
  std::unique_lock<std::mutex> lock(mutex_);
  return stopped_.wait_for(lock, time, [this] { return stop_; });
}

// Numbers and reasons in the log, and only where something happened.
void ProbeSweep::round() {
  taken_ = 0;
  std::string doubt;
  try {
    look();
  } catch (const std::exception& e) {
    doubt = e.what();
  }
  metrics_.swept(std::time(nullptr), doubt.empty());
  const std::string words = "S3 storage: sweep of expired probes: " + std::to_string(taken_) + " rows forgotten";
  if (!doubt.empty()) {
    OrthancPluginLogError(orthanc_, (words + ", then ended early: " + doubt).c_str());
  } else if (taken_ > 0) {
    OrthancPluginLogWarning(orthanc_, words.c_str());
  }
}

// A row that stays, also one in doubt, is passed over until the last one was looked at: it holds up no others.
void ProbeSweep::look() {
  const Json::Value found = candidates();
  for (const Json::Value& instance : found) {
    if (isStoppedWithin(kPause)) return;
    passed_++;
    if (isForgotten(instance)) passed_--;
  }
  if (found.size() < kBatch) passed_ = 0;
}

// What the sender said as the study's date says where to look; what may go is decided by what the archive noted.
Json::Value ProbeSweep::candidates() const {
  Json::Value wanted;
  wanted["Level"] = "Instance";
  wanted["Query"]["PatientID"] = patientId_;
  wanted["Query"]["StudyDate"] = "-" + past(retention_ + kUntilGone).substr(0, 8);
  wanted["Expand"] = true;
  wanted["Since"] = passed_;
  wanted["Limit"] = kBatch;
  return index_.post("/tools/find", oneLine(wanted));
}

bool ProbeSweep::isForgotten(const Json::Value& instance) {
  const std::string path = "/instances/" + instance["ID"].asString();
  const std::string uuid = instance["FileUuid"].asString();
  const Json::Value patient = index_.get(path + "/patient");
  const Json::Value noted = index_.get(path + "/metadata?expand");
  const Json::Value attachments = index_.get(path + "/attachments");
  if (patient.isNull() || noted.isNull() || attachments.isNull()) return true;  // by the other replica's sweep

  // The search takes small letters for capitals, and a patient's attachment of another kind may be there.
  if (patient["MainDicomTags"]["PatientID"].asString() != patientId_) return false;
  const std::string received = noted["ReceptionDate"].asString();  // UTC
  static const std::regex time("[0-9]{8}T[0-9]{6}");
  if (!std::regex_match(received, time) || received >= past(retention_)) return false;
  if (attachments.size() != 1 || attachments[0].asString() != "dicom" || !isGone_(uuid)) return false;

  {
    const std::lock_guard<std::mutex> lock(mutex_);
    forgetting_ = uuid;
  }
  index_.remove(path);
  metrics_.forgotten();
  taken_++;
  return true;
}

}  // namespace vnaops

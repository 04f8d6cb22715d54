// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe_sweep.h"

#include <ctime>
#include <random>
#include <regex>
#include <utility>

#include "signature.h"

namespace vnaops {
namespace {

// Stores wait for the one index connection: few rows at a time, and a pause that leaves it to them.
constexpr int kBatch = 200;
constexpr std::chrono::milliseconds kPause{100};
constexpr int kSeries = 1000;  // of one pass: a target of the prober has one a day
// Objects go a day after their lock's end, at a midnight: later study dates are not worth a question to S3.
constexpr std::chrono::hours kUntilGone{48};

std::string past(std::chrono::hours ago) {
  return basicTime(std::time(nullptr) - std::chrono::duration_cast<std::chrono::seconds>(ago).count());
}

std::vector<std::string> texts(const Json::Value& array) {
  std::vector<std::string> all;
  for (const Json::Value& one : array) all.push_back(one.asString());
  return all;
}

std::string taken(std::vector<std::string>& all) {
  std::string last = std::move(all.back());
  all.pop_back();
  return last;
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

// Half to one and a half intervals between two rounds, so that those of the replicas don't keep step.
void ProbeSweep::run() {
  std::minstd_rand random(std::random_device{}());
  std::uniform_int_distribution<std::chrono::milliseconds::rep> rest(interval_.count() / 2, interval_.count() * 3 / 2);
  while (!isStoppedWithin(std::chrono::milliseconds(rest(random)))) round();
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
    lookAtSome();
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

// A row that stays, also one in doubt, is looked at again in the next pass: it holds up no others.
void ProbeSweep::lookAtSome() {
  if (series_.empty() && instances_.empty()) series_ = oldSeries();
  for (int i = 0; i < kBatch; i++) {
    const std::string instance = next();
    if (instance.empty() || isStoppedWithin(kPause)) return;
    if (lookAt(instance)) continue;
    // The other replica's sweep is at work: two that delete from one series get in each other's way.
    series_.clear();
    instances_.clear();
    return;
  }
}

// What the sender said as the study's date says where to look; what may go is decided by what the archive noted. No
// search for instances: Orthanc 1.12.7 needs 10 s for the last 200 of 20,000, since it reads those before; their series
// are found in 3 ms and listed in 33.
std::vector<std::string> ProbeSweep::oldSeries() const {
  Json::Value wanted;
  wanted["Level"] = "Series";
  wanted["Query"]["PatientID"] = patientId_;
  wanted["Query"]["StudyDate"] = "-" + past(retention_ + kUntilGone).substr(0, 8);
  wanted["Limit"] = kSeries;
  return texts(index_.post("/tools/find", oneLine(wanted)));
}

// None unless it is exactly this patient's: the search takes small letters for capitals.
std::vector<std::string> ProbeSweep::instancesOf(const std::string& series) const {
  const std::string path = "/series/" + series;
  const Json::Value patient = index_.get(path + "/patient");
  if (patient.isNull() || patient["MainDicomTags"]["PatientID"].asString() != patientId_) return {};
  const Json::Value found = index_.get(path);
  return found.isNull() ? std::vector<std::string>() : texts(found["Instances"]);
}

std::string ProbeSweep::next() {
  while (instances_.empty()) {
    if (series_.empty()) return "";
    instances_ = instancesOf(taken(series_));
  }
  return taken(instances_);
}

bool ProbeSweep::lookAt(const std::string& instance) {
  const std::string path = "/instances/" + instance;
  const Json::Value row = index_.get(path);
  const Json::Value noted = index_.get(path + "/metadata?expand");
  const Json::Value attachments = index_.get(path + "/attachments");
  if (row.isNull() || noted.isNull() || attachments.isNull()) return false;

  const std::string received = noted["ReceptionDate"].asString();  // UTC
  static const std::regex time("[0-9]{8}T[0-9]{6}");
  if (!std::regex_match(received, time) || received >= past(retention_)) return true;
  if (attachments.size() != 1 || attachments[0].asString() != "dicom") return true;
  const std::string uuid = row["FileUuid"].asString();
  if (!isGone_(uuid)) return true;

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

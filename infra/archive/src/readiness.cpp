// SPDX-License-Identifier: GPL-3.0-or-later
#include "readiness.h"

#include <json/json.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace vnaops {
namespace {

constexpr std::chrono::seconds kInterval{1};

using Clock = std::chrono::steady_clock;

}  // namespace

Check::Check(std::string name, std::chrono::milliseconds lasts, std::function<void()> attempt)
    : name_(std::move(name)), lasts_(lasts), attempt_(std::move(attempt)), ended_(Clock::now()), thread_([this] {
        run();
      }) {}

Check::~Check() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

void Check::run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stop_) {
    lock.unlock();
    std::string reason;
    try {
      attempt_();
    } catch (const std::exception& e) {
      reason = e.what();
    }
    lock.lock();
    reason_ = std::move(reason);
    ended_ = Clock::now();
    stopped_.wait_for(lock, kInterval, [this] { return stop_; });
  }
}

Check::Result Check::result() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto age = Clock::now() - ended_;
  const double seconds = std::chrono::duration<double>(age).count();
  if (!reason_.empty()) return {false, seconds, reason_};
  if (age <= lasts_) return {true, seconds, ""};
  char words[64];
  std::snprintf(words, sizeof words, "no answer for %.1f s", seconds);
  return {false, seconds, words};
}

void Readiness::start(Checks index, Checks storage) {
  const std::lock_guard<std::mutex> lock(mutex_);
  index_ = std::move(index);
  storage_ = std::move(storage);
  started_ = true;
}

void Readiness::stop() {
  Checks index;
  Checks storage;
  const std::lock_guard<std::mutex> lock(mutex_);
  index.swap(index_);
  storage.swap(storage_);
  started_ = false;
}

Readiness::Answer Readiness::answer() {
  const std::lock_guard<std::mutex> lock(mutex_);
  double age = 0;
  std::string reason = started_ ? "" : "starting or stopping";
  const auto all = [&](const Checks& checks) {
    bool ok = started_;
    for (const auto& check : checks) {
      const Check::Result result = check->result();
      age = std::max(age, result.age);
      if (result.ok) continue;
      ok = false;
      reason += (reason.empty() ? "" : "; ") + check->name() + ": " + result.reason;
    }
    return ok;
  };
  Json::Value said;
  said["index"] = all(index_);
  said["storage"] = all(storage_);
  said["age"] = age;
  said["reason"] = reason;
  Json::StreamWriterBuilder writer;
  writer["indentation"] = "";
  writer["precision"] = 6;
  return {said["index"].asBool() && said["storage"].asBool(), Json::writeString(writer, said) + "\n"};
}

}  // namespace vnaops

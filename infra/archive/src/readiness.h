// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace vnaops {

// One thing that is tried every second in a thread of its own, so that checks never pile up behind one that hangs.
class Check {
 public:
  // `attempt` throws std::exception where it fails. A success is worth `lasts`: older ones say that the check hangs.
  Check(std::string name, std::chrono::milliseconds lasts, std::function<void()> attempt);
  ~Check();
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;

  struct Result {
    bool ok;
    double age;          // seconds since the last attempt ended
    std::string reason;  // empty where it is ok
  };
  Result result();
  const std::string& name() const { return name_; }

 private:
  void run();

  const std::string name_;
  const std::chrono::milliseconds lasts_;
  const std::function<void()> attempt_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::chrono::steady_clock::time_point ended_;
  std::string reason_ = "not tried yet";
  std::thread thread_;
};

// Whether this replica can serve: what the load balancer asks.
class Readiness {
 public:
  using Checks = std::vector<std::unique_ptr<Check>>;
  void start(Checks index, Checks storage);
  void stop();  // waits for attempts that are under way

  struct Answer {
    bool ready;
    std::string json;  // {"index": bool, "storage": bool, "age": seconds, "reason": text}
  };
  Answer answer();

 private:
  std::mutex mutex_;
  bool started_ = false;
  Checks index_;
  Checks storage_;
};

}  // namespace vnaops

// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <iterator>
#include <string>

#include "probe_class.h"

namespace vnaops {

// What is asked of S3; the label "operation".
enum class Operation {
  Put,
  Get,
  GetRange,
  Head,
  Delete,
  CreateMultipart,
  PutPart,
  CompleteMultipart,
  AbortMultipart,
  CheckBucket
};
constexpr size_t kOperations = 10;

const char* name(Operation operation);

// Counts of all requests, in memory and without locks; every label value is there from the start.
class Metrics {
 public:
  // One request that was sent, or failed to be: the HTTP status or 0 without an answer, its seconds, bytes of bodies.
  void request(Operation operation, long status, double seconds, uint64_t sent, uint64_t received);
  void retry(Operation operation);
  void failure(Operation operation);  // given up: Orthanc was told so
  void stored(ObjectClass objectClass);  // S3 has it
  void inFlight(int change);
  void forgotten();  // the row of an expired probe
  // A round of the sweep has ended at this time, soundly or because something was in doubt.
  void swept(std::time_t when, bool isSound);

  // The Prometheus text format, version 0.0.4.
  std::string text() const;

 private:
  static constexpr std::array<double, 14> kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                  0.25,  0.5,    1,     2.5,  5,     10,   30};
  static constexpr size_t kStatuses = 5;  // none, 2xx, 3xx, 4xx, 5xx

  struct Counts {
    std::array<std::atomic<uint64_t>, kStatuses> byStatus{};
    std::array<std::atomic<uint64_t>, kBounds.size() + 1> bySeconds{};
    std::atomic<uint64_t> microseconds{0};
    std::atomic<uint64_t> retries{0};
    std::atomic<uint64_t> failures{0};
    std::atomic<uint64_t> sent{0};
    std::atomic<uint64_t> received{0};
  };
  std::array<Counts, kOperations> counts_;
  std::array<std::atomic<uint64_t>, std::size(kClassNames)> stored_{};
  std::atomic<int> inFlight_{0};
  std::atomic<uint64_t> forgotten_{0};
  std::atomic<uint64_t> sweepFailures_{0};
  std::atomic<std::time_t> swept_{0};
};

}  // namespace vnaops

// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "signature.h"

namespace vnaops {

struct HttpRequest {
  std::string method;
  std::string url;
  Headers headers;
  const char* body = nullptr;
  uint64_t size = 0;
  // Where the body of a 200 or 206 goes: called once with its length, gives the place, or nullptr to refuse it. Without
  // it, or with another status, the body's beginning is kept in the answer.
  std::function<char*(const struct HttpAnswer& head, uint64_t length)> place;
};

struct HttpAnswer {
  long status = 0;  // 0: there was no complete answer, `trouble` says why
  std::string trouble;
  Headers headers;
  std::string body;     // at most kKeptBody bytes
  uint64_t placed = 0;  // bytes that went to the request's place
  uint64_t sent = 0;    // bytes of the body that were sent
  uint64_t received = 0;
  double seconds = 0;

  std::string header(const std::string& name) const;
};

constexpr size_t kKeptBody = size_t{64} << 10;

struct HttpLimits {
  std::chrono::milliseconds connect{2000};
  std::chrono::milliseconds stalled{10000};  // without a byte moving in either direction
  std::chrono::milliseconds total{0};        // 0: as long as bytes move, see kSlowest
};

// On the whole a transfer must be faster than this (bytes/s) after the time of a stall has passed: a peer that sends a
// byte now and then would hold a store for ever.
constexpr double kSlowest = 64 << 10;

// HTTP/1.1 over kept connections: a pool of libcurl handles of which the one used last is taken first.
class HttpClient {
 public:
  HttpClient(HttpLimits limits, std::string caFile);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  HttpAnswer perform(const HttpRequest& request);

 private:
  void* take();
  void giveBack(void* handle);

  const HttpLimits limits_;
  const std::string caFile_;
  std::mutex mutex_;
  std::vector<void*> idle_;
};

}  // namespace vnaops

// SPDX-License-Identifier: GPL-3.0-or-later
#include "http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace vnaops {
namespace {

using Clock = std::chrono::steady_clock;

struct Transfer {
  const HttpRequest& request;
  HttpAnswer& answer;
  const HttpLimits& limits;
  CURL* curl;
  uint64_t sent = 0;
  char* target = nullptr;
  uint64_t room = 0;
  bool placing = false;
  curl_off_t moved = 0;
  Clock::time_point started = Clock::now();
  Clock::time_point lastMove = started;

  size_t give(char* to, size_t most) {
    const uint64_t n = std::min<uint64_t>(most, request.size - sent);
    if (n > 0) std::memcpy(to, request.body + sent, n);
    sent += n;
    return n;
  }

  void headerLine(const std::string& line) {
    if (line.rfind("HTTP/", 0) == 0) answer.headers.clear();  // an interim answer came before
    const size_t colon = line.find(':');
    if (colon == std::string::npos) return;
    std::string name = line.substr(0, colon);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const size_t first = line.find_first_not_of(" \t", colon + 1);
    const size_t last = line.find_last_not_of(" \t\r\n");
    answer.headers[name] = first == std::string::npos || last < first ? "" : line.substr(first, last - first + 1);
  }

  // The body's first bytes have come: decides where they go. False refuses the answer; `trouble` says why.
  bool begin() {
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (!request.place || (status != 200 && status != 206)) return true;
    const std::string length = answer.header("content-length");
    if (length.empty() || length.size() > 18 || length.find_first_not_of("0123456789") != std::string::npos ||
        !answer.header("transfer-encoding").empty()) {
      answer.trouble = "the answer does not say how long it is";
      return false;
    }
    answer.status = status;  // for `place` to see
    room = std::stoull(length);
    target = request.place(answer, room);
    answer.status = 0;
    if (target == nullptr) {
      if (answer.trouble.empty()) answer.trouble = "the answer has another length than was asked for";
      return false;
    }
    placing = true;
    return true;
  }

  size_t receive(const char* data, size_t n) {
    if (answer.received == 0 && !begin()) return 0;
    answer.received += n;
    if (placing) {
      if (n > room - answer.placed) return 0;
      std::memcpy(target + answer.placed, data, n);
      answer.placed += n;
    } else {
      answer.body.append(data, std::min(n, kKeptBody - std::min(kKeptBody, answer.body.size())));
    }
    return n;
  }

  // True aborts the transfer. libcurl calls it at least once a second.
  bool late(curl_off_t movedNow) {
    const Clock::time_point now = Clock::now();
    if (movedNow != moved) {
      moved = movedNow;
      lastMove = now;
    }
    const std::chrono::duration<double> all = now - started;
    const std::chrono::duration<double> patience = limits.stalled;
    if (now - lastMove > limits.stalled) {
      answer.trouble = "no byte moved for " + std::to_string(limits.stalled.count()) + " ms";
    } else if (all > patience + std::chrono::duration<double>(static_cast<double>(moved) / kSlowest)) {
      answer.trouble = "slower than " + std::to_string(static_cast<long>(kSlowest)) + " bytes/s";
    } else {
      return false;
    }
    return true;
  }
};

size_t onGive(char* to, size_t size, size_t count, void* self) {
  return static_cast<Transfer*>(self)->give(to, size * count);
}

int onSeek(void* self, curl_off_t offset, int origin) {
  // libcurl rewinds when a kept connection turns out to be closed and it takes a new one.
  auto* transfer = static_cast<Transfer*>(self);
  if (origin != SEEK_SET || offset < 0 || static_cast<uint64_t>(offset) > transfer->request.size)
    return CURL_SEEKFUNC_FAIL;
  transfer->sent = static_cast<uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

// No exception may cross libcurl's C code: out of memory ends the transfer.
size_t onHeader(char* data, size_t size, size_t count, void* self) {
  try {
    static_cast<Transfer*>(self)->headerLine(std::string(data, size * count));
    return size * count;
  } catch (const std::exception&) {
    return 0;
  }
}

size_t onReceive(char* data, size_t size, size_t count, void* self) {
  try {
    return static_cast<Transfer*>(self)->receive(data, size * count);
  } catch (const std::exception&) {
    return 0;
  }
}

int onProgress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
  try {
    return static_cast<Transfer*>(self)->late(down + up) ? 1 : 0;
  } catch (const std::exception&) {
    return 1;
  }
}

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListDeleter>;

void append(List& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  (void)list.release();
  list.reset(longer);
}

}  // namespace

std::string HttpAnswer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpClient::HttpClient(HttpLimits limits, std::string caFile) : limits_(limits), caFile_(std::move(caFile)) {}

HttpClient::~HttpClient() {
  for (void* handle : idle_) curl_easy_cleanup(static_cast<CURL*>(handle));
}

void* HttpClient::take() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!idle_.empty()) {
      void* handle = idle_.back();
      idle_.pop_back();
      return handle;
    }
  }
  void* handle = curl_easy_init();
  if (handle == nullptr) throw std::bad_alloc();
  return handle;
}

void HttpClient::giveBack(void* handle) {
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_.push_back(handle);
}

HttpAnswer HttpClient::perform(const HttpRequest& request) {
  HttpAnswer answer;
  List headers;
  append(headers, "Expect:");  // else libcurl waits a second for 100-continue
  append(headers, "Accept:");
  for (const auto& [name, value] : request.headers) {
    if (name != "host") append(headers, name + ": " + value);
  }

  struct Borrowed {
    HttpClient& client;
    CURL* curl;
    ~Borrowed() { client.giveBack(curl); }
  };
  const Borrowed borrowed{*this, static_cast<CURL*>(take())};
  CURL* curl = borrowed.curl;
  Transfer transfer{request, answer, limits_, curl};
  char words[CURL_ERROR_SIZE] = "";
  curl_easy_reset(curl);  // keeps the connection
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // no proxy from the environment
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits_.connect.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(limits_.total.count()));
  curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 512L << 10);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, onHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, onReceive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, onProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  if (!caFile_.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, caFile_.c_str());
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (request.method == "PUT" || request.method == "POST") {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, onGive);
    curl_easy_setopt(curl, CURLOPT_READDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, onSeek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.size));
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method == "HEAD" ? nullptr : request.method.c_str());

  const CURLcode code = curl_easy_perform(curl);
  answer.seconds = std::chrono::duration<double>(Clock::now() - transfer.started).count();
  answer.sent = transfer.sent;
  if (code == CURLE_OK) {
    if (answer.received == 0 && !transfer.begin()) return answer;  // an empty object
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  } else if (answer.trouble.empty()) {
    answer.trouble = words[0] != '\0' ? words : curl_easy_strerror(code);
  }
  return answer;
}

}  // namespace vnaops

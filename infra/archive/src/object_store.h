// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "credentials.h"
#include "http_client.h"
#include "metrics.h"
#include "probe_class.h"
#include "settings.h"
#include "signature.h"

namespace vnaops {

// The message is one line: what was tried, on which object, how often, and each attempt's reason.
class StoreError : public std::runtime_error {
 public:
  StoreError(const std::string& message, bool isMissing) : std::runtime_error(message), missing(isMissing) {}
  const bool missing;  // there is no such object
};

// Objects in one bucket: written once, whole, under object lock, with a checksum that the server verifies and keeps;
// removed by a delete marker. Each request has two attempts. Every method throws StoreError, and may be called by many
// threads.
class ObjectStore {
 public:
  ObjectStore(const Settings& settings, CredentialsFile& credentials, Metrics& metrics);

  // Returns when S3 has answered that it has the object. Never overwrites: an object of this key with other content is
  // an error.
  void put(const std::string& key, const char* data, uint64_t size, ObjectClass objectClass = ObjectClass::Ordinary);

  // `allocate` is called with the length before anything is received, again where it is repeated.
  void read(const std::string& key, const std::function<char*(uint64_t length)>& allocate);
  void readRange(const std::string& key, uint64_t start, char* target, uint64_t length);

  void remove(const std::string& key);

  // One attempt within the client's limits: whether S3 says for certain that there is no such object, or that its
  // newest version is a delete marker. Anything but yes or no throws.
  bool isGone(HttpClient& client, const std::string& key);

  // One attempt within the client's limits: whether the bucket is there and these keys may see it.
  void checkBucket(HttpClient& client);

 private:
  struct Request {
    Operation operation;
    const char* method;
    std::string key;  // empty: the bucket
    Query query{};
    Headers headers{};
    const char* body = nullptr;
    uint64_t size = 0;
    const Sha256* hash = nullptr;  // of the body; none: empty
    std::function<char*(const HttpAnswer&, uint64_t)> place{};
  };

  HttpAnswer send(HttpClient& client, const Request& request);
  void attempts(Operation operation, const std::string& key, uint64_t size, const std::function<void()>& once);
  void putWhole(const std::string& key, const char* data, uint64_t size, const Sha256& hash, ObjectClass objectClass);
  void putInParts(const std::string& key, const char* data, uint64_t size, const Sha256& hash, ObjectClass objectClass);
  std::string putPart(const std::string& key, const Query& query, const char* data, uint64_t size,
                      std::string& checksum);
  // False where the object was there already, so that the upload's parts may be left over.
  bool complete(const std::string& key, uint64_t size, const Sha256& hash, const std::string& upload,
                const std::string& list);
  void dropQuietly(const std::string& key, const std::string& upload);
  void abort(const std::string& key, const std::string& upload);
  bool isThere(const std::string& key, uint64_t size, const Sha256& hash);
  Headers objectHeaders(const char* data, uint64_t size, const Sha256& hash, ObjectClass objectClass) const;
  // Reads multiples of `unit`; false where the object's blocks are larger, and sets it to them.
  bool readRangeOnce(const std::string& key, uint64_t start, char* target, uint64_t length, uint64_t& unit);

  const Settings settings_;
  CredentialsFile& credentials_;
  Metrics& metrics_;
  HttpClient client_;
};

}  // namespace vnaops

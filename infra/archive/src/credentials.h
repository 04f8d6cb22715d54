// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/stat.h>

#include <mutex>
#include <string>

namespace vnaops {

struct Credentials {
  std::string accessKey;
  std::string secretKey;
  std::string sessionToken;  // empty where the keys are not temporary
};

// The profile "default" of an AWS shared credentials file. Throws std::runtime_error, without any of its values.
Credentials parseCredentials(const std::string& text);

// Reads the file again when it has changed (a mounted Secret is swapped by a link, so that inode and time differ).
// While a changed file can't be used, the keys before it stay in use.
class CredentialsFile {
 public:
  // Throws std::runtime_error: the file can't be used.
  explicit CredentialsFile(std::string path);

  Credentials get();

  // Why the file as it is now can't be used; empty when it can.
  std::string trouble();

 private:
  void readIfChanged();

  const std::string path_;
  std::mutex mutex_;
  struct stat seen_ {};
  Credentials current_;
  std::string trouble_;
};

}  // namespace vnaops

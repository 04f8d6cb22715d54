// SPDX-License-Identifier: GPL-3.0-or-later
#include "credentials.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace vnaops {
namespace {

std::string trimmed(const std::string& s) {
  const char* blanks = " \t\r";
  const size_t first = s.find_first_not_of(blanks);
  return first == std::string::npos ? "" : s.substr(first, s.find_last_not_of(blanks) - first + 1);
}

// A key goes into a header: a line break in it would make another header of what follows.
bool printable(const std::string& s) {
  for (const char c : s) {
    if (c <= ' ' || c > '~') return false;
  }
  return !s.empty();
}

}  // namespace

Credentials parseCredentials(const std::string& text) {
  Credentials found;
  std::istringstream lines(text);
  std::string line;
  bool inDefault = false;
  while (std::getline(lines, line)) {
    line = trimmed(line);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      inDefault = line == "[default]";
      continue;
    }
    const size_t equals = line.find('=');
    if (!inDefault || equals == std::string::npos) continue;
    const std::string key = trimmed(line.substr(0, equals));
    const std::string value = trimmed(line.substr(equals + 1));
    if (key == "aws_access_key_id") found.accessKey = value;
    if (key == "aws_secret_access_key") found.secretKey = value;
    if (key == "aws_session_token") found.sessionToken = value;
  }
  if (!printable(found.accessKey) || !printable(found.secretKey) ||
      !(found.sessionToken.empty() || printable(found.sessionToken))) {
    throw std::runtime_error("has no usable aws_access_key_id and aws_secret_access_key under [default]");
  }
  return found;
}

CredentialsFile::CredentialsFile(std::string path) : path_(std::move(path)) {
  readIfChanged();
  if (!trouble_.empty()) throw std::runtime_error(trouble_);
}

Credentials CredentialsFile::get() {
  const std::lock_guard<std::mutex> lock(mutex_);
  readIfChanged();
  return current_;
}

std::string CredentialsFile::trouble() {
  const std::lock_guard<std::mutex> lock(mutex_);
  readIfChanged();
  return trouble_;
}

void CredentialsFile::readIfChanged() {
  struct stat now {};
  if (stat(path_.c_str(), &now) != 0) {
    trouble_ = path_ + " can't be read: " + std::strerror(errno);
    return;
  }
  const bool same = now.st_ino == seen_.st_ino && now.st_dev == seen_.st_dev && now.st_size == seen_.st_size &&
                    now.st_mtim.tv_sec == seen_.st_mtim.tv_sec && now.st_mtim.tv_nsec == seen_.st_mtim.tv_nsec;
  if (same) return;
  std::ifstream file(path_, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) {
    trouble_ = path_ + " can't be read";
    return;
  }
  try {
    current_ = parseCredentials(text.str());
    trouble_.clear();
  } catch (const std::runtime_error& e) {
    trouble_ = path_ + " " + e.what();
  }
  seen_ = now;  // what was read may already be newer: then the next call reads once more
}

}  // namespace vnaops

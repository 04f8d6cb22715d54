// SPDX-License-Identifier: GPL-3.0-or-later
#include "folder_check.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace vnaops {

void checkFolder(const std::string& folder) {
  const std::string path = folder + "/.ready";
  const auto fail = [&] {
    throw std::runtime_error(folder + " can't be written: " + std::strerror(errno));
  };
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) fail();
  const bool written = write(file, "ready", 5) == 5 && fsync(file) == 0;
  const int reason = errno;
  close(file);
  unlink(path.c_str());
  errno = reason;
  if (!written) fail();
}

}  // namespace vnaops

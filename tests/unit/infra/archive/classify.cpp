// SPDX-License-Identifier: GPL-3.0-or-later
// Says of each file on standard input (its length in decimal, a newline, its bytes) which class it is, a line each; the
// argument is the prober's Patient ID. Each file has a buffer of exactly its size, so that a sanitizer sees what is read
// behind it.
#include <cstdlib>
#include <iostream>
#include <memory>

#include "probe_class.h"

int main(int argc, char** argv) {
  if (argc != 2) return EXIT_FAILURE;
  std::streamsize size = 0;
  while (std::cin >> size && std::cin.get() == '\n') {
    const std::unique_ptr<char[]> file(new char[static_cast<size_t>(size)]);
    if (!std::cin.read(file.get(), size)) return EXIT_FAILURE;
    const vnaops::ObjectClass found = vnaops::classify(file.get(), static_cast<uint64_t>(size), argv[1]);
    std::cout << vnaops::kClassNames[static_cast<size_t>(found)] << std::endl;
  }
  return EXIT_SUCCESS;
}

// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace vnaops {

// Whether Orthanc's own storage area can be written: writes a file into the folder, syncs it to the disk and removes
// it. Throws std::runtime_error with the reason.
void checkFolder(const std::string& folder);

}  // namespace vnaops

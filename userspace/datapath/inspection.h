// SPDX-License-Identifier: Apache-2.0
// Looks whether the tables hold what they should, a part at a time, so that no change waits for the whole.
#ifndef SHUNT_DATAPATH_INSPECTION_H_
#define SHUNT_DATAPATH_INSPECTION_H_

#include <cstddef>
#include <cstdint>

#include "userspace/datapath/datapath.h"
#include "userspace/datapath/inventory.h"
#include "userspace/datapath/published.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// One pass over everything that programs can reach: from the record to the tables, and from the index back to the
// record. What nothing leads to is Adopt's to find. The record is true between two calls of Apply, so each part is
// compared with the state of that moment, and changes between the parts do no harm. Writes nothing. Not thread-safe.
class Inspection {
 public:
  // `inventory` must outlive the inspection.
  explicit Inspection(Inventory& inventory) : inventory_(inventory) {}

  // Goes on until about `rows` rows have been read. A Service is compared as a whole, so one with many endpoints reads
  // more. Returns kMore until everything has been compared, and kDiffers at the first difference.
  Inspected Next(size_t rows, PlanOf plan_of);

 private:
  bool PortAgrees(uint32_t service_port, PlanOf plan_of);
  bool ServiceAgrees(const ServiceState& service, const model::ServicePlan& plan);
  bool PoolsAgree(const PortState& port);
  bool BucketAgrees(uint32_t bucket);

  Inventory& inventory_;
  size_t next_ = 0;  // service ports, then buckets of the index
  size_t read_ = 0;  // rows, in this call
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_INSPECTION_H_

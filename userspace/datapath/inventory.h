// SPDX-License-Identifier: Apache-2.0
// Everything that one agent knows about one set of tables.
#ifndef SHUNT_DATAPATH_INVENTORY_H_
#define SHUNT_DATAPATH_INVENTORY_H_

#include <memory>
#include <utility>

#include "bpf/abi.h"
#include "userspace/datapath/address_book.h"
#include "userspace/datapath/allocator.h"
#include "userspace/datapath/grace.h"
#include "userspace/datapath/packet_filters.h"
#include "userspace/datapath/prefix_filter.h"
#include "userspace/datapath/published.h"
#include "userspace/datapath/tables.h"

namespace shunt::datapath {

// The parts refer to one another, so an inventory is neither copied nor moved. Not thread-safe.
struct Inventory {
  // Starts with empty tables: see Adopt. `grace` must outlive the inventory.
  Inventory(std::shared_ptr<Tables> tables_in, const shunt_meta& meta, GracePeriod& grace)
      : shared_tables(std::move(tables_in)),
        tables(*shared_tables),
        allocator(tables, meta, grace),
        filter(*tables.prefix_filter),
        packet_filters(*tables.node_ports, *tables.endpoint_filter),
        addresses(*tables.frontend_rows, allocator, filter),
        published(tables.service_ports->capacity()) {}
  Inventory(const Inventory&) = delete;
  Inventory& operator=(const Inventory&) = delete;

  const std::shared_ptr<Tables> shared_tables;  // shared with the inventory that an audit builds beside this one
  Tables& tables;
  Allocator allocator;           // what is free, reserved or retired
  PrefixFilter filter;           // which addresses programs look up at all
  PacketFilters packet_filters;  // which packets the packet path looks up at all
  AddressBook addresses;         // what is wanted and published about each address itself
  Published published;           // what each Service has in the tables
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_INVENTORY_H_

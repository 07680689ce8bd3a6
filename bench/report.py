# SPDX-License-Identifier: Apache-2.0
"""The figures of one run of the benchmarks as bench/RESULTS.md."""
import dataclasses, os, platform, textwrap, time

HEADER = ["figure", "1,000 x 10", "100,000 x 10", "target"]


@dataclasses.dataclass(frozen=True)
class Results:
    clusters: dict        # by number of services: figures by mode, of bench/run's measure()
    rules_calls: dict     # (arm, which call) -> figures, beside rules of kube-proxy's shape
    rules_seconds: dict   # kind of rules -> seconds that loading them took
    few: dict             # load_cluster's figures with few services
    footprints: dict      # by number of services: agent_footprint's figures
    tenants: dict         # by kind of object: CPU of its change and of the loop's longest round; another's delay; ms
    key_width: dict
    flow_cost: dict
    packet_cost: dict

    def rows_of(self, *names):
        """For each name, that figure of load_cluster in each cluster."""
        return [[cluster["load"][name] for cluster in self.clusters.values()] for name in names]

    def program(self, mode, name):
        """ns per run of one of Shunt's programs, for each cluster."""
        return [f"{cluster[mode][f'shunt{services}', name]:.0f}" for services, cluster in self.clusters.items()]


def microseconds(ns):
    return f"{ns / 1000:.2f} µs"


def paragraph(text):
    """Prose as the documents have it: at most 120 columns."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def table(rows):
    head, *body = rows
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in body])


def connect(results):
    clusters = results.clusters

    def over_empty(mode):
        return [f"+{r[mode][f'shunt{n}', 'sock_connect4'] - r[mode][f'empty{n}', 'empty_connect4']:.0f}"
                for n, r in clusters.items()]

    def extra(call):
        return [microseconds(r["connect"][call, "first"]["diff"]) for r in clusters.values()]

    miss, pod = over_empty("miss"), over_empty("pod")
    own = " and ".join(f"{int(p) - int(m):+d}" for p, m in zip(pod, miss))
    return "## Connect\n\n" + table([
        HEADER,
        ["TCP connect to a ClusterIP minus direct", *extra("shunt"), "1.5 µs / 2.0 µs"],
        ["TCP connect to something else minus direct", *extra("stranger"), ""],
        ["TCP connect under an empty program minus direct", *extra("empty"), ""],
        ["direct connect(), p50", *[microseconds(r["connect"]["direct", "first"]["p50"]) for r in clusters.values()], ""],
        ["not a service: ns per run over an empty program", *miss, "60 / 150"],
        ["a pod dialled directly: ns per run over an empty program", *pod, "40"],
        ["connect4, TCP: ns per run", *results.program("tcp-connect", "sock_connect4"), ""],
        ["connect6, TCP, 1,000 Services: ns per run", *results.program("tcp-connect6", "sock_connect6"), ""],
        ["connect4, UDP: ns per run", *results.program("udp-connect", "sock_connect4"), ""],
        ["sock_release: ns per run", *results.program("tcp-connect", "sock_release"), ""]]) + "\n\n" + paragraph(
            "Over an empty program, everything that is not a service pays for reading the destination, one word of the "
            "prefix filter and the count of the way out. A pod's prefix is a backend's, so a pod dialled directly also "
            f"pays for a look at the socket's cookie: {own} ns of its figure. Each of these steps is a cache line or two "
            "that the kernel's own work between two connects may have evicted, so what else the machine does moves these "
            "figures by more than a change of the program would.")


def afterwards(results):
    clusters = results.clusters

    def worst_ratio(mode):
        return [f"{max(v['ratio'] for (arm, _), v in r[mode].items() if arm == 'shunt'):.4f}" for r in clusters.values()]

    return "## Everything after\n\n" + table([
        HEADER,
        ["first `sendto` of a socket: ns per run", *results.program("udp-fresh", "sock_sendmsg4"), ""],
        ["`sendto` again: ns per run", *results.program("udp-unconn", "sock_sendmsg4"), "300"],
        ["the same to a socket's second destination", *results.program("udp-second", "sock_sendmsg4"), ""],
        ["the same by IPv6", *results.program("udp-unconn6", "sock_sendmsg6"), ""],
        ["`recvfrom`: ns per run", *results.program("udp-unconn", "sock_recvmsg4"), "250"],
        ["the same from a socket's second destination", *results.program("udp-second", "sock_recvmsg4"), ""],
        ["the same by IPv6", *results.program("udp-unconn6", "sock_recvmsg6"), ""],
        ["`getpeername`: ns per run", *results.program("peername", "sock_getpeernam"), "200"],
        ["connected UDP send and recv, ratio to direct", *worst_ratio("udp-conn"), "1.01"],
        ["TCP round trip, ratio to direct", *worst_ratio("tcp-rr"), "1.01"],
        ["TCP bulk, ratio to direct", *worst_ratio("tcp-bulk"), "1.01"]])


def against_rules(results):
    def diff(arm):
        return results.rules_calls[arm, "first"]["diff"]

    loading = min(results.clusters.items())[1]["load"]["load_s"]
    return "## Against rules of kube-proxy's shape, 1,000 services\n\n" + table([
        ["", "connect() minus direct", "Shunt's share of it", "loading"],
        ["nftables", microseconds(diff("nft")), f"{diff('shunt') / diff('nft'):.2f} (target 0.25)",
         f"{results.rules_seconds['nft']:.1f} s"],
        ["iptables", microseconds(diff("iptables")), f"{diff('shunt') / diff('iptables'):.2f}",
         f"{results.rules_seconds['iptables']:.1f} s"],
        ["Shunt", microseconds(diff("shunt")), "", f"{loading:.3f} s"]])


def control(results):
    def seconds(name):
        return [f"{value:.3f} s" for value in results.rows_of(name)[0]]

    def us(name):
        return [f"{value:.1f} µs" for value in results.rows_of(name)[0]]

    few = results.few["change_plan_us_p50"] + results.few["change_apply_us_p50"]
    changes = [plan + apply for plan, apply in zip(*results.rows_of("change_plan_us_p50", "change_apply_us_p50"))]
    return "## Control\n\n" + table([
        HEADER,
        ["planning, per service", *[microseconds(ns) for ns in results.rows_of("plan_ns_per_service")[0]], ""],
        ["plans to kernel, everything, one port a service", *seconds("load_s"), "0.5 s"],
        ["the same plans again", *seconds("unchanged_s"), ""],
        ["opening: maps, programs, links", *seconds("open_s"), ""],
        ["one changed endpoint: planning, p50", *us("change_plan_us_p50"), ""],
        ["one changed endpoint: plan to kernel, p50", *us("change_apply_us_p50"), ""],
        ["one changed endpoint: plan to kernel, p99", *us("change_apply_us_p99"), "1 ms"],
        [f"one changed endpoint, both: times its {few:.1f} µs at 100 services", *[f"{c / few:.2f}" for c in changes], "2"]])


def footprint(results):
    def mib(name):
        return [f"{f[name]:.1f} MiB" for f in results.footprints.values()]

    def per_endpoint(name):
        return [f"{f[name] * 2**20 / (services * 10):.0f} B" for services, f in results.footprints.items()]

    return "## The agent\n\n`shuntd` serves JSON manifests, with default limits at 1,000 services.\n\n" + table([
        HEADER,
        ["resident, mapped maps included", *mib("resident_mib"), "60 MiB"],
        ["of it the process's own", *mib("own_mib"), ""],
        ["the process's own, per endpoint", *per_endpoint("own_mib"), ""],
        ["kernel memory of the maps", *mib("maps_mib"), ""],
        ["kernel memory of the maps, per endpoint", *per_endpoint("maps_mib"), ""],
        ["start to everything applied", *[f"{f['start_s']:.2f} s" for f in results.footprints.values()], ""],
        ["CPU until then", *[f"{f['cpu_s']:.2f} s" for f in results.footprints.values()], ""]])


DELAY_BOUND_MS = 100


def tenants(results):
    rows = [[kind.replace("_", " "), f"{own:.1f} ms", f"{round_:.1f} ms", f"{median:.1f} ms", f"{longest:.1f} ms",
             "met" if longest <= DELAY_BOUND_MS else "**missed**"]
            for kind, (own, round_, median, longest) in results.tenants.items()]
    return "## What a tenant can cost the others\n\n" + paragraph(
        "One namespace has an object of the kind, beside 1,000 ordinary Services in another. It changes it (an endpoint is "
        "replaced, or the Service is deleted and created), first now and then, which gives the CPU of one change, then "
        "without a pause, while another Service's endpoints change now and then: how long that change is on its way to "
        f"the kernel. The bound is {DELAY_BOUND_MS} ms: a step that has just begun, the loop's rest of at most 20 ms and "
        "a step that also brings what else is waiting. The CPU time of the longest round of the loop, a step and what "
        "was read before it, is what the machine's other work does not change.") + "\n\n" + table([
            ["kind", "its own change, CPU", "longest round, CPU", "another's change, p50", "longest",
             f"bound of {DELAY_BOUND_MS} ms"], *rows])


def address_family(results):
    width = results.key_width
    return "## One address family\n\n" + paragraph(
        f"One lookup among 100,000 keys in a hot loop takes {width['key_20_bytes_ns']:.0f} ns with the 20-byte key and "
        f"{width['key_8_bytes_ns']:.0f} ns with an 8-byte key; the difference is {width['key_difference_ns']:.0f} ns "
        "([key width](../docs/decisions/0001-one-address-family.md); the bound is 60 ns).")


def flow_table(results):
    cost = results.flow_cost
    work = {"a packet's flow is found, among 1": "flow_find", "among 1,000": "flow_find", "among 100,000": "flow_find",
            "a flow begins and ends, of 1,000 tuples": "flow_new", "of 100,000": "flow_new"}
    counts = [1, 1000, 100000, 1000, 100000]
    rows = [[label, f"{cost[f'{name}_{count}_ns']:.0f} ns", f"{cost[f'{name}_hash_{count}_ns']:.0f} ns"]
            for (label, name), count in zip(work.items(), counts)]
    ports = ", ".join(f"{cost[f'snat_port_{percent}_percent_full_ns']:.0f} ns at {percent} %" for percent in (0, 50, 90, 99))
    return "## The flow table\n\n" + paragraph(
        "Our table finds a flow in either direction by one row; a hash of the kernel needs an element for each. The "
        "cost of the loop that makes the tuples is subtracted.") + "\n\n" + table(
            [["work", "our table", "the kernel's hash"], *rows]) + "\n\n" + paragraph(
            f"To claim a source port and free it, by how full its set is: {ports}. None fails.")


def packets(results):
    cost = results.packet_cost
    rows = [("a packet between other hosts", "of_another_host", 30),
            ("to a port of the node's own that is no NodePort", "to_the_nodes_own_port", 30),
            ("of a flow through the stack, to a pod of this node", "established_through_the_stack", 150),
            ("of a flow past the stack, to another node", "established_past_the_stack", 150),
            ("the first of a flow through the stack", "new_through_the_stack", 1000),
            ("the first of a flow past the stack", "new_past_the_stack", 1000)]
    return "## The packet path\n\n" + paragraph(
        "The program at tc ingress, on one datagram that is restored before each run, over an empty program. Few flows: "
        "everything is in the CPU's caches. What a redirect does after the program is not part of it.") + "\n\n" + table(
            [["packet", "figure", "target"],
             *[[label, f"{cost[f'packet_{name}_ns']:.0f} ns", f"at most {bound} ns"] for label, name, bound in rows]])


def cpu_model():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def report(results):
    head = "# Results\n\n" + paragraph(
        f"Written by `make bench` on {time.strftime('%Y-%m-%d')}: {platform.machine()}, {os.cpu_count()} CPUs "
        f"({cpu_model()}), Linux {platform.release()}. The arms of one run are interleaved, and figures are medians over "
        "rounds ([how](../docs/testing.md#benchmarks)). Absolute figures are this machine's; compare differences and "
        "ratios.")
    sections = [section(results) for section in (connect, afterwards, against_rules, control, footprint, tenants,
                                             address_family, flow_table, packets)]
    return "\n\n".join([head, *sections]) + "\n"

# SPDX-License-Identifier: Apache-2.0
"""The rules themselves, each on small trees: one that keeps it, and the ways to break it."""

import unittest

import circles
import documents
import edges
import house
import registration
import sizes
import words
from tree import Tree, comments, strip_code


def found(rule, files):
    return [str(finding) for finding in rule(Tree(files))]


class RuleTest(unittest.TestCase):
    def check(self, rule, rows):
        """rows: (sentence, files, the findings' beginnings)"""
        for sentence, files, expected in rows:
            with self.subTest(sentence):
                findings = found(rule, files)
                self.assertEqual(len(findings), len(expected), findings)
                for finding, beginning in zip(findings, expected):
                    self.assertTrue(finding.startswith(beginning), finding)

    def test_include_edges(self):
        self.check(edges.include_edges, [
            ("the planner includes the model", {"userspace/planner/a.cc": '#include "userspace/model/m.h"\n'}, []),
            ("and nothing beside it", {"userspace/planner/a.cc": '\n#include "userspace/datapath/d.h"\n'},
             ["userspace/planner/a.cc:2: userspace/planner may not include userspace/datapath"]),
            ("the model includes nothing of ours", {"userspace/model/a.h": '# include "userspace/planner/p.h"\n'},
             ["userspace/model/a.h:1: userspace/model may not include userspace/planner"]),
            ("the agent wires the rooms", {"userspace/agent/a.cc": '#include "userspace/sources/s.h"\n'}, []),
            ("but does not know the ABI", {"userspace/agent/a.cc": '#include "bpf/abi.h"\n'},
             ["userspace/agent/a.cc:1: userspace/agent may not include bpf"]),
            ("the datapath knows the ABI", {"userspace/datapath/a.cc": '#include "bpf/abi.h"\n'}, []),
            ("and its kernel's side libbpf",
             {"userspace/datapath/kernel/a.cc": '#include <bpf/libbpf.h>\n#include "sock.skel.h"\n'}, []),
            ("its other side does not", {"userspace/datapath/a.cc": "#include <bpf/libbpf.h>\n"},
             ["userspace/datapath/a.cc:1: only userspace/datapath/kernel and bpf know libbpf"]),
            ("a tool does not know libbpf", {"tools/a.cc": "#include <bpf/bpf.h>\n"},
             ["tools/a.cc:1: only userspace/datapath/kernel and bpf know libbpf"]),
            ("only one reader knows YAML",
             {"userspace/sources/document/a.cc": "#include <yaml-cpp/yaml.h>\n",
              "userspace/sources/manifest/a.cc": "#include <yaml-cpp/yaml.h>\n"},
             ["userspace/sources/manifest/a.cc:1: only userspace/sources/document know YAML"]),
            ("nor does the agent", {"userspace/agent/settings/a.cc": "#include <yaml-cpp/yaml.h>\n"},
             ["userspace/agent/settings/a.cc:1: only userspace/sources/document know YAML"]),
            ("nor does the agent know the admin protobuf", {"userspace/agent/a.cc": '#include "shunt/admin/v1/x.pb.h"\n'},
             ["userspace/agent/a.cc:1: userspace/agent may not include proto",
              "userspace/agent/a.cc:1: only userspace/admin and tools know the admin API's messages"]),
            ("a source knows the Kubernetes API's messages",
             {"userspace/sources/kubernetes/a.cc": '#include "kubernetes/core.pb.h"\n'}, []),
            ("and not the admin API's", {"userspace/sources/kubernetes/a.cc": '#include "shunt/admin/v1/x.pb.h"\n'},
             ["userspace/sources/kubernetes/a.cc:1: only userspace/admin and tools know"]),
            ("nor does the admin API know Kubernetes'", {"userspace/admin/a.cc": '#include "kubernetes/core.pb.h"\n'},
             ["userspace/admin/a.cc:1: only userspace/sources/kubernetes know the Kubernetes API's messages"]),
            ("production does not include tests", {"userspace/datapath/a.cc": '#include "tests/sandbox/s.h"\n'},
             ["userspace/datapath/a.cc:1: userspace/datapath may not include tests"]),
            ("a unit's test may", {"userspace/datapath/a_test.cc": '#include "tests/sandbox/s.h"\n'}, []),
            ("but crosses no layer", {"userspace/datapath/a_test.cc": '#include "userspace/agent/a.h"\n'},
             ["userspace/datapath/a_test.cc:1: userspace/datapath may not include userspace/agent"]),
            ("what stands in tests/ may", {"tests/kernel/a.cc": '#include "userspace/agent/a.h"\n'}, []),
        ])

    def test_inner_edges(self):
        kubernetes = "userspace/sources/kubernetes"
        self.check(edges.inner_edges, [
            ("the reader of manifests reads documents",
             {"userspace/sources/manifest/a.cc": '#include "userspace/sources/document/d.h"\n'}, []),
            ("and knows no Kubernetes API",
             {"userspace/sources/manifest/a.cc": f'\n#include "{kubernetes}/wire/w.h"\n'},
             [f"userspace/sources/manifest/a.cc:2: userspace/sources/manifest may not include {kubernetes}/wire"]),
            ("a folder's own files", {f"{kubernetes}/wire/a.cc": f'#include "{kubernetes}/wire/b.h"\n'}, []),
            ("what decodes does not fetch", {f"{kubernetes}/wire/a.h": f'#include "{kubernetes}/client/c.h"\n'},
             [f"{kubernetes}/wire/a.h:1: {kubernetes}/wire may not include {kubernetes}/client"]),
            ("one header of a folder",
             {f"{kubernetes}/follow/a.h": f'#include "{kubernetes}/client/transport.h"\n'}, []),
            ("and no other", {f"{kubernetes}/follow/a.h": f'#include "{kubernetes}/client/curl_transport.h"\n'},
             [f"{kubernetes}/follow/a.h:1: {kubernetes}/follow may not include {kubernetes}/client"]),
            ("a folder that is not named includes all",
             {f"{kubernetes}/a.h": f'#include "{kubernetes}/follow/f.h"\n'}, []),
            ("one that is named does not", {"userspace/sources/a.h": f'#include "{kubernetes}/wire/w.h"\n'},
             [f"userspace/sources/a.h:1: userspace/sources may not include {kubernetes}/wire"]),
            ("what is below a folder is not the folder",
             {"userspace/sources/document/a.h": '#include "userspace/sources/manifest/m.h"\n'},
             ["userspace/sources/document/a.h:1: userspace/sources/document may not include"]),
            ("sockets use what is attached",
             {"userspace/datapath/kernel/sockets/a.cc": '#include "userspace/datapath/kernel/attach/p.h"\n'}, []),
            ("maps do not know it",
             {"userspace/datapath/kernel/maps/a.cc": '#include "userspace/datapath/kernel/attach/p.h"\n'},
             ["userspace/datapath/kernel/maps/a.cc:1: userspace/datapath/kernel/maps may not include"]),
            ("a test may compare neighbours",
             {"userspace/sources/document/a_test.cc": '#include "userspace/sources/manifest/m.h"\n'}, []),
            ("another room is another rule's",
             {"userspace/agent/process/a.cc": '#include "userspace/datapath/d.h"\n'}, []),
        ])

    def test_testing_stays_in_tests(self):
        fake = '#include "userspace/agent/testing/fake.h"\n'
        self.check(edges.testing_stays_in_tests, [
            ("a test", {"userspace/agent/a_test.cc": fake}, []),
            ("a fuzz target", {"userspace/agent/a_fuzz.cc": fake}, []),
            ("a double built on another", {"userspace/agent/testing/b.h": fake}, []),
            ("tests of all rooms", {"tests/kernel/world.h": fake}, []),
            ("a program", {"userspace/agent/a.cc": "\n" + fake},
             ["userspace/agent/a.cc:2: userspace/agent/testing/fake.h is for tests"]),
            ("a folder that is only called like it", {"tools/a.cc": '#include "tools/testing_ground.h"\n'}, []),
        ])

    def test_no_circles(self):
        def include(*headers):
            return "".join(f'#include "{header}"\n' for header in headers)

        self.check(circles.no_circles, [
            ("a line", {"a/x.cc": include("a/x.h", "a/y.h"), "a/x.h": include("a/z.h"), "a/y.h": include("a/z.h"),
                        "a/z.h": ""}, []),
            ("two headers", {"a/x.h": include("a/y.h"), "a/y.h": include("a/x.h")},
             ["a/x: a circle of files: a/x -> a/y -> a/x"]),
            ("a source that includes what includes its header",
             {"a/x.h": "", "a/x.cc": include("a/x.h", "a/y.h"), "a/y.h": include("a/x.h")},
             ["a/x: a circle of files: a/x -> a/y -> a/x"]),
            ("over three files, by names beside the file",
             {"a/x.c": include("y.h"), "a/x.h": "", "a/y.c": include("y.h", "z.h"), "a/y.h": "",
              "a/z.h": include("x.h")},
             ["a/x: a circle of files: a/x -> a/y -> a/z -> a/x"]),
            ("a program of the kernel's and its header",
             {"bpf/s.h": include("bpf/t.h"), "bpf/s.bpf.c": include("bpf/s.h"), "bpf/t.h": include("bpf/s.h")},
             ["bpf/s: a circle of files: bpf/s -> bpf/t -> bpf/s"]),
            ("a test is a unit of its own",
             {"a/x.h": "", "a/x_test.cc": include("a/x.h", "a/y.h"), "a/y.h": include("a/x.h")}, []),
            ("two circles", {"a/p.h": include("a/q.h"), "a/q.h": include("a/p.h"), "a/x.h": include("a/y.h"),
                             "a/y.h": include("a/x.h")},
             ["a/p: a circle of files: a/p -> a/q -> a/p", "a/x: a circle of files: a/x -> a/y -> a/x"]),
        ])

    def test_banned_names(self):
        self.check(words.banned_names, [
            ("plain names", {"userspace/model/a.h": "struct Frontend { int slot_count; };\n"}, []),
            ("a drawer", {"userspace/util/a.h": "\n"}, ["userspace/util/a.h: no folder is named util"]),
            ("a file that says nothing", {"userspace/model/string_helpers.cc": "\n"},
             ["userspace/model/string_helpers.cc: 'helpers' names no file"]),
            ("a manager", {"tools/a.cc": "\nclass MapManager final {};\n"}, ["tools/a.cc:2: 'manager' in MapManager"]),
            ("another project's word, as a variable", {"tools/a.cc": "int vip_count;\n"},
             ["tools/a.cc:1: 'vip' in vip_count"]),
            ("in a constant", {"bpf/a.h": "enum { SHUNT_VIP_MAX };\n"}, ["bpf/a.h:1: 'vip' in SHUNT_VIP_MAX"]),
            ("in a comment or a literal it is only a word", {"tools/a.cc": '/* a VIP */ auto s = "vip"; // vip\n'}, []),
            ("a container's data() is its own", {"tools/a.cc": "void F(C c) { c.data(); }\n"}, []),
            ("a type of ours named data is not", {"tools/a.cc": "struct NodeData {\n};\n"},
             ["tools/a.cc:1: 'data' in NodeData"]),
            ("the kernel's names are its own", {"tools/a.cc": "struct bpf_map_info info;\n"}, []),
            ("so are a library's", {"tools/a.cc": "using google::protobuf::util::JsonPrintOptions;\n"}, []),
            ("datapath and revise hold no banned word", {"tools/a.cc": "class Datapath {}; int revise, realize;\n"}, []),
        ])

    def test_plain_words(self):
        self.check(words.plain_words, [
            ("plain words", {"a.h": "// Returns false if no row is free.\n", "a.md": "The agent reads it again.\n"}, []),
            ("a phrase in a comment", {"a.cc": "int a;\n// Nobody reads it.\n"}, ["a.cc:2: 'nobody': say no Service"]),
            ("in a block", {"bpf/a.h": "/*\n * Kept for ever.\n */\n"}, ["bpf/a.h:2: 'for ever': say until when"]),
            ("after code", {"a.cc": "int rows = 4;  // up to so many\n"}, ["a.cc:1: 'so many'"]),
            ("over two lines", {"a.cc": "// It is not read any\n// more.\n"}, ["a.cc:1: 'any more': say no longer"]),
            ("in a document", {"docs/a.md": "# A\n\nIt looks anew.\n"}, ["docs/a.md:3: 'anew': say again"]),
            ("in a proto", {"proto/a.proto": "// Whoever asks.\n"}, ["proto/a.proto:1: 'whoever'"]),
            ("the longer phrase is the one", {"a.h": "// It is nobody's.\n"}, ["a.h:1: 'nobody's': say belongs to no"]),
            ("words that only contain one", {"a.h": "// A renewed word, whomsoever; in many more rows.\n"}, []),
            ("a literal and a name are no comment", {"a.cc": 'auto nobody = "whoever // anew";\n'}, []),
            ("what a document quotes is not its own", {"a.md": "`nobody` is a user.\n```diff\n- anew\n```\n"}, []),
            ("sources in other languages are not read", {"a.py": "# nobody\n"}, []),
        ])

    def test_lengths(self):
        body = "  F();\n" * 69
        self.check(sizes.function_lengths, [
            ("70 lines will do", {"a.cc": "void F() {\n" + body[:-7] + "}\n"}, []),
            ("71 will not", {"a.cc": "\nvoid F() {\n" + body + "}\n"}, ["a.cc:2: F has 71 lines"]),
            ("a method, a namespace around it",
             {"a.cc": "namespace n {\nclass C : public B {\n int M(int x) const override {\n" + body + "}\n};\n}\n"},
             ["a.cc:3: M has 71 lines"]),
            ("a class may be long", {"a.cc": "class C {\n" + "  int a;\n" * 100 + "};\n"}, []),
            ("so may a table", {"a.cc": "constexpr int kTable[] = {\n" + "  F(1),\n" * 100 + "};\n"}, []),
            ("also within a test", {"a.cc": "TEST(A, B) {\n  T t[] = {\n" + "  {1, 2},\n" * 100 + "};\n}\n"}, []),
            ("braces in literals and comments do not count",
             {"a.cc": "void F() {\n  char c = '{'; /* { */ G(\"{\"); // {\n}\nvoid H() {\n" + body + "}\n"},
             ["a.cc:4: H has 71 lines"]),
            ("lambdas are part of their function", {"a.cc": "void F() {\n  auto l = [](int x) {\n" + body + "  };\n}\n"},
             ["a.cc:1: F has 73 lines"]),
            ("Python too", {"a.py": "def f():\n" + "    g()\n" * 70}, ["a.py:1: f has 71 lines"]),
        ])
        self.check(sizes.line_lengths, [
            ("120 columns", {"a.cc": "x" * 120 + "\n"}, []),
            ("121 columns", {"a.cc": "\n" + "x" * 121 + "\n"}, ["a.cc:2: 121 columns"]),
            ("a tab is eight", {"a.c": "\t" * 15 + "x\n"}, ["a.c:1: 121 columns"]),
        ])
        self.check(sizes.file_lengths, [
            ("600 lines", {"a.h": "\n" * 600}, []),
            ("601 lines", {"a.h": "\n" * 601}, ["a.h: 601 lines"]),
        ])

    def test_median_is_readable(self):
        least = sizes.MEDIAN_LINES_MIN
        self.check(sizes.median_is_readable, [
            ("the median counts", {"a.cc": "\n" * least, "b.h": "\n", "c.cc": "\n" * 500}, []),
            ("one line less", {"a.cc": "\n" * (least - 1), "b.h": "\n", "c.cc": "\n" * 500},
             [f"userspace: the median file has {least - 1} lines"]),
            ("tests do not count",
             {"a.cc": "\n" * least, "a_test.cc": "\n", "tests/b.h": "\n", "a/testing/c.h": "\n"}, []),
            ("nor does what is not C or C++", {"a.py": "\n"}, []),
        ])

    def test_small_units_are_shared(self):
        small = "\n" * (sizes.SMALL_UNIT_LINES - 1)
        include = '#include "a/x.h"\n'
        self.check(sizes.small_units_are_shared, [
            ("two users", {"a/x.h": small, "a/y.cc": include, "b/z.cc": '#include "../a/x.h"\n'}, []),
            ("one user", {"a/x.h": small, "a/y.cc": include},
             [f"a/x.h: its unit has {sizes.SMALL_UNIT_LINES - 1} lines and one user, a/y"]),
            ("a header and its source are one user",
             {"a/x.h": small, "a/y.h": include + small, "a/y.cc": include}, ["a/x.h: "]),
            ("the unit itself and its test are none", {"a/x.h": "", "a/x.cc": include, "a/x_test.cc": include},
             ["a/x.h: its unit has 1 lines and no user"]),
            ("a short header of a longer source", {"a/x.h": "\n", "a/x.cc": include + small, "a/y.cc": include}, []),
            ("what is for tests may be small", {"a/testing/x.h": "\n", "a/y_test.cc": ""}, []),
        ])

    def test_license_lines(self):
        apache, dual = "// SPDX-License-Identifier: Apache-2.0\n", "/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */\n"
        self.check(sizes.license_lines, [
            ("ours", {"a.cc": apache, "bpf/a.h": dual, "tests/x.bpf.c": dual, "tests/shared.h": dual}, []),
            ("none", {"a.cc": "int a;\n"}, ["a.cc:1: no line 'SPDX-License-Identifier: Apache-2.0'"]),
            ("too late", {"a.cc": "\n\n\n" + apache}, ["a.cc:1: "]),
            ("prose beside it", {"a.cc": "// SPDX-License-Identifier: Apache-2.0 Counts.\n"}, ["a.cc:1: "]),
            ("a program under Apache alone cannot be loaded", {"bpf/socket/sock.bpf.c": apache}, ["bpf/socket/sock.bpf.c:1: "]),
            ("scripts without an ending", {".ci/run": "#!/bin/sh\n"}, [".ci/run:1: "]),
        ])

    def test_tests_are_registered(self):
        unit = {"a/b/c_test.cc": ""}
        self.check(registration.tests_are_registered, [
            ("in its folder", {**unit, "a/b/CMakeLists.txt": "shunt_test(x SOURCES c_test.cc)"}, []),
            ("above it", {**unit, "a/CMakeLists.txt": "shunt_test(x SOURCES\n  b/c_test.cc)"}, []),
            ("by a list of units", {**unit, "a/b/CMakeLists.txt": "foreach(unit c d)\n t(${unit}_test.cc)"}, []),
            ("not at all", {**unit, "a/b/CMakeLists.txt": "shunt_test(x SOURCES abc_test.cc)"},
             ["a/b/c_test.cc: no CMakeLists.txt names it"]),
            ("a fuzz target, in no list", {"a_fuzz.cc": "", "CMakeLists.txt": ""}, ["a_fuzz.cc: no CMakeLists"]),
        ])

    def test_maps_are_described(self):
        header = 'struct {\n} pools SEC(".maps") __weak;\n\nstruct {\n} slots SEC(".maps");\n'
        self.check(documents.maps_are_described, [
            ("both", {"bpf/maps.h": header, "docs/maps.md": "# Maps\n## `pools`\n### slots\n"}, []),
            ("one is only mentioned", {"bpf/maps.h": header, "docs/maps.md": "## `pools`\nthen slots\n"},
             ["docs/maps.md: no section about the map slots"]),
            ("no document", {"bpf/maps.h": header}, ["docs/maps.md: is missing"]),
            ("a header that is read wrongly is no pass", {"bpf/maps.h": "\n"}, ["bpf/maps.h: no map found"]),
        ])

    def test_scenarios_are_cited(self):
        stories = {"tests/scenarios/stories/weights.story": "", "tests/scenarios/stories/weights-zero.story": ""}
        head = "| field | what | stories |\n|---|---|---|\n"
        row = "| `w` | weighs | weights, weights-zero |\n"
        self.check(documents.scenarios_are_cited, [
            ("both cited", {**stories, "docs/semantics.md": head + row}, []),
            ("one by the list at the end of a sentence",
             {**stories, "docs/semantics.md": head + "| w | weighs | weights |\n\nZero drains: weights-zero.\n"}, []),
            ("a longer name does not cite the shorter",
             {**stories, "docs/semantics.md": head + "| w | weighs | weights-zero |\n"},
             ["docs/semantics.md: does not cite the scenario weights"]),
            ("nor does the word, in prose or in another column",
             {**stories, "docs/semantics.md": "The weights.\n" + head + "| weights | weights | weights-zero |\n"},
             ["docs/semantics.md: does not cite the scenario weights"]),
            ("a story that is gone", {**stories, "docs/semantics.md": head + row + "| o | is old | old |\n"},
             ["docs/semantics.md:4: no such scenario: old"]),
            ("one of several that is gone", {**stories, "docs/semantics.md": head + row + "| o | is | weights, old |\n"},
             ["docs/semantics.md:4: no such scenario: old"]),
            ("one that a sentence ends in", {**stories, "docs/semantics.md": head + row + "\nThat is: old.\n"},
             ["docs/semantics.md:5: no such scenario: old"]),
            ("a table of something else",
             {**stories, "docs/semantics.md": head + row + "\n| a | b | c |\n|-|-|-|\n|1|2|3|\n"}, []),
            ("a field that nothing proves", {**stories, "docs/semantics.md": head + row + "| o | is new | |\n"}, []),
            ("no page", stories, ["docs/semantics.md: is missing"]),
        ])

    def test_links_resolve(self):
        self.check(documents.links_resolve, [
            ("file, folder, heading, elsewhere",
             {"a.md": "[b](docs/b.md#the-map-pools) [d](docs) [w](https://x/y) [self](#a)\n# A\n",
              "docs/b.md": "[up](../a.md)\n## The map `pools`\n"}, []),
            ("a file that is not there", {"docs/a.md": "\n[b](b.md)\n"}, ["docs/a.md:2: the link b.md leads nowhere"]),
            ("a heading that is not there", {"a.md": "# A\n[b](#b)\n"}, ["a.md:2: the link #b: no such heading"]),
            ("a link over two lines", {"a.md": "the [two\nlines](b.md)\n"}, ["a.md:1: the link b.md leads nowhere"]),
            ("code is not prose", {"a.md": "```\n[b](b.md)\n```\n`[c](c.md)`\n"}, []),
        ])

    def test_prose_is_wrapped(self):
        wide = "word " * 24 + "word"  # 124 columns
        self.check(documents.prose_is_wrapped, [
            ("as wide as it may be", {"a.md": wide[:120] + "\n"}, []),
            ("wider", {"docs/a.md": "# A\n\n" + wide + "\n"}, ["docs/a.md:3: 124 columns, at most 120"]),
            ("in an item of a list too", {"a.md": "- " + wide + "\n"}, ["a.md:1: 126 columns"]),
            ("columns are characters, not bytes", {"a.md": "→" * 60 + " " + "─" * 59 + "\n"}, []),
            ("a row of a table cannot be wrapped", {"a.md": "| " + wide + " |\n"}, []),
            ("nor can code in a fence", {"a.md": "```\n" + wide + "\n```\n"}, []),
            ("nor a link that stands alone", {"a.md": "- [the words " + wide + "](https://x/y).\n"}, []),
            ("a sentence with a link in it can", {"a.md": "See [x](https://y/z) " + wide + "\n"}, ["a.md:1: 145 columns"]),
            ("lines are counted through a fence", {"a.md": "```\na\n```\n" + wide + "\n"}, ["a.md:4: 124 columns"]),
            ("other files have rules of their own", {"a.txt": wide + "\n"}, []),
        ])

    def test_rooms_have_pages(self):
        self.check(documents.rooms_have_pages, [
            ("a page of the greatest length", {"bpf/README.md": "line\n" * 60, "bpf/abi.h": ""}, []),
            ("a longer one", {"bpf/README.md": "line\n" * 61}, ["bpf/README.md: 61 lines, at most 60"]),
            ("none", {"proto/lint.cc": ""}, ["proto/README.md: is missing"]),
            ("the page of a room is not that of a room inside", {"bpf/README.md": "", "bpf/socket/a.h": ""},
             ["bpf/socket/README.md: is missing"]),
            ("a folder that is no room", {"cmake/a.cmake": ""}, []),
        ])

    def test_pages_name_what_exists(self):
        bpf = {"bpf/abi.h": "", "bpf/lint.cc": "", "bpf/lint.h": "", "bpf/socket/sock.bpf.c": "", "docs/a.h": ""}
        page = "bpf/README.md"

        def said(text):
            return {**bpf, page: text}
        self.check(documents.pages_name_what_exists, [
            ("files of the room and of a folder in it",
             said("# bpf\n`abi.h`, `lint.{h,cc}`, `socket/sock.bpf.c` and `sock.bpf.c`.\n"), []),
            ("a file of another room, by its whole path", said("`docs/a.h`\n"), []),
            ("a file of another room, by its name", said("# bpf\n`a.h`\n"), [f"{page}:2: no file a.h in this room"]),
            ("a file that is gone", said("`maps.h`\n"), [f"{page}:1: no file maps.h in this room"]),
            ("a name that ends like a file's", said("`i.h`\n"), [f"{page}:1: no file i.h in this room"]),
            ("one of two endings", said("`abi.{h,cc}`\n"), [f"{page}:1: no file abi.cc in this room"]),
            ("a link is another rule's", said("[`a.h`](../docs/a.h)\n"), []),
            ("a picture is not read", said("```\n `a.h`\n```\n"), []),
            ("a list of files", said("## Files in reading order\n\n1. `abi`: rows.\n2. `lint`, `socket`: all.\n"), []),
            ("a unit that is gone", said("## Groups of files\n\n- `abi`: rows.\n- all:\n  `abi`, `maps`.\n"),
             [f"{page}:5: the list of files names maps: no such file in this room"]),
            ("in a page without headings", said("# bpf\n\n- `maps`: all.\n"), [f"{page}:3: the list of files names maps"]),
            ("prose beside the list", said("## Files\n\n1. `abi`: rows.\n\nThe word `maps`.\n"), []),
            ("a list of something else", said("## Rules\n\n- A `maps` is a word.\n"), []),
            ("what is no file's name", said("- `abi`: `shuntd check`, `READY=1`, `--config`, `fieldName`.\n"), []),
            ("a room without a page is another rule's", bpf, []),
        ])

    def test_unfinished(self):
        self.check(house.unfinished, [
            ("finished", {"a.cc": "int todos; // mktemp x.XXXXXX\n"}, []),
            ("left for later", {"a.cc": "\n// TO" + "DO: more\n"}, ["a.cc:2: TO" + "DO"]),
        ])

    def test_comments_keep_lines_and_columns(self):
        text = 'int a; // one\nF("// no"); /* two\nthree */ int b;\n'
        self.assertEqual(comments(text), "       // one\n            /* two\nthree */       \n")

    def test_strip_code_keeps_lines_and_numbers(self):
        text = 'int a = 65\'536; /* one\ntwo */ F("x\\"{", \'{\', R"y({\n})y");\n'
        self.assertEqual(strip_code(text), 'int a = 65\'536; \n F("", \'\', "\n");\n')


if __name__ == "__main__":
    unittest.main()

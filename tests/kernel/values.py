"""Values of all kinds, as users make them in cells, and what must hold of them before and after a restart.

No two cases bind the same name, so that one session can have them all.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

IMPORTS = """
import abc, array, asyncio, base64, collections, contextlib, copy, dataclasses, datetime, decimal, enum, fractions, functools
import heapq, itertools, math, operator, os, pathlib, queue, random, re, socket, sqlite3, string, threading, types, typing, uuid
import weakref, zoneinfo
import numpy as np, pandas as pd
"""


@dataclass(frozen=True)
class Case:
    """Cells to run, then expressions that are true of what they made; ``lost`` names what can't be captured."""

    name: str
    cells: tuple[str, ...]
    holds: tuple[str, ...]
    lost: tuple[str, ...] = ()

    @property
    def names(self) -> set[str]:
        """The names that the case binds at the top level."""
        bound: set[str] = set()
        for cell in self.cells:
            for statement in ast.parse(cell).body:
                if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    bound.add(statement.name)
                    continue
                for node in ast.walk(statement):
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                        bound.add(node.id)
        return bound


def case(name: str, code: str, *holds: str, lost: str = "") -> Case:
    """Return a case; ``code`` is cut into cells at lines of dashes."""
    return Case(name, tuple(part.strip("\n") for part in code.split("\n---\n")), holds, tuple(lost.split()))


CASES = [
    # -- plain values ------------------------------------------------------------------------------------------
    case(
        "atoms",
        "at_none = None; at_true = True; at_int = 3; at_big = 10**400; at_float = 0.1; at_nan = float('nan')\n"
        "at_inf = -float('inf'); at_negzero = -0.0; at_complex = 1-2j; at_str = 'é\\u20ac\\ud800'; at_bytes = b'\\x00\\xff'\n"
        "at_ellipsis = ...; at_notimpl = NotImplemented; at_range = range(1, 10, 3); at_slice = slice(1, None, 2)",
        "(at_none, at_true, at_int, at_float, at_complex) == (None, True, 3, 0.1, 1-2j) and type(at_true) is bool",
        "at_big == 10**400 and at_nan != at_nan and at_inf == -math.inf and math.copysign(1, at_negzero) == -1",
        "at_str == 'é\\u20ac\\ud800' and at_bytes == b'\\x00\\xff' and at_range == range(1, 10, 3)",
        "at_ellipsis is ... and at_notimpl is NotImplemented and at_slice == slice(1, None, 2)",
    ),
    case(
        "containers",
        "co_list = [1, [2, [3]]]; co_tuple = (1, (2,), []); co_dict = {'b': 1, 'a': [2]}; co_set = {1, 'x', (2, 3)}\n"
        "co_frozen = frozenset({1, frozenset({2})}); co_bytearray = bytearray(b'abc'); co_array = array.array('d', [1.5, 2])\n"
        "co_view = memoryview(co_bytearray); co_part = memoryview(b'abc')[1:]",
        "co_list == [1, [2, [3]]] and co_tuple == (1, (2,), []) and list(co_dict) == ['b', 'a'] and co_set == {1, 'x', (2, 3)}",
        "co_frozen == frozenset({1, frozenset({2})}) and co_bytearray == bytearray(b'abc') and type(co_bytearray) is bytearray",
        "co_view.obj is co_bytearray and type(co_view) is memoryview",
        "co_array == array.array('d', [1.5, 2]) and co_array.typecode == 'd'",
        lost="co_part",
    ),
    case(
        "collections",
        "cl_deque = collections.deque([1, [2]], maxlen=5); cl_counter = collections.Counter('abca')\n"
        "cl_ordered = collections.OrderedDict([('z', 1), ('a', 2)]); cl_chain = collections.ChainMap({'a': 1}, {'b': 2})\n"
        "cl_default = collections.defaultdict(list); cl_default['k'].append(1)\n"
        "cl_lambda = collections.defaultdict(lambda: cl_start); cl_start = 7; cl_lambda['x']",
        "cl_deque == collections.deque([1, [2]]) and cl_deque.maxlen == 5 and cl_counter['a'] == 2",
        "list(cl_ordered) == ['z', 'a'] and type(cl_ordered) is collections.OrderedDict and cl_chain['b'] == 2",
        "cl_default['k'] == [1] and cl_default.default_factory is list",
        "cl_lambda['x'] == 7 and cl_lambda.default_factory() == cl_start",
    ),
    case(
        "keys",
        "class KeyClass:\n    pass\n"
        "---\n"
        "key_obj = KeyClass(); key_dict = {key_obj: 'o', KeyClass: 'c', None: 'n', (1, 'a'): 't', 1.5: 'f', float('nan'): 'nan'}\n"
        "key_set = {key_obj}\ndef key_fun(): pass\nkey_funs = {key_fun: 1, len: 2}",
        "key_dict[key_obj] == 'o' and key_dict[KeyClass] == 'c' and key_dict[None] == 'n' and key_dict[1, 'a'] == 't'",
        "key_obj in key_set and len(key_dict) == 6 and key_funs[key_fun] == 1 and key_funs[len] == 2",
    ),
    case(
        "hash by value",
        "class HashPoint:\n"
        "    def __init__(self, x): self.x = x\n"
        "    def __hash__(self): return hash(self.x)\n"
        "    def __eq__(self, other): return self.x == other.x\n"
        "---\n"
        "hash_set = {HashPoint(1), HashPoint(2)}; hash_dict = {HashPoint('a'): 1}",
        "HashPoint(1) in hash_set and hash_dict[HashPoint('a')] == 1 and len(hash_set) == 2",
    ),
    case(
        "recursion",
        "rec_list = [1]; rec_list.append(rec_list)\nrec_dict = {}; rec_dict['me'] = rec_dict\n"
        "rec_tuple = ([],); rec_tuple[0].append(rec_tuple)\n"
        "class RecNode:\n    pass\n"
        "---\n"
        "rec_a = RecNode(); rec_b = RecNode(); rec_a.other = rec_b; rec_b.other = rec_a; rec_a.me = rec_a",
        "rec_list[1] is rec_list and rec_dict['me'] is rec_dict and rec_tuple[0][0] is rec_tuple",
        "rec_a.other is rec_b and rec_b.other is rec_a and rec_a.me is rec_a and type(rec_a) is RecNode",
    ),
    case(
        "deep nesting",
        "deep_list = []\nfor deep_i in range(300): deep_list = [deep_list]",
        "len(repr(deep_list)) == 602",
    ),
    case(
        "sharing",
        "sh_a = [1]; sh_b = [sh_a, sh_a]; sh_c = {'a': sh_a, 'b': sh_b}; sh_d = (sh_a,); sh_e = sh_a",
        "sh_b[0] is sh_a and sh_b[1] is sh_a and sh_c['a'] is sh_a and sh_c['b'] is sh_b and sh_d[0] is sh_a and sh_e is sh_a",
    ),
    case(
        "twins",
        "tw_a = [1]; tw_b = [1]; tw_c = {'x': {}}; tw_d = {'x': {}}",
        "tw_a == tw_b and tw_a is not tw_b and tw_c['x'] is not tw_d['x']",
    ),
    case(
        "dates",
        "da_naive = datetime.datetime(2026, 2, 28, 1, 2, 3, 4); da_fold = datetime.datetime(2026, 10, 25, 2, 30, fold=1)\n"
        "da_utc = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)\n"
        "da_zone = datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')); da_delta = datetime.timedelta(days=-1, seconds=5)",
        "da_naive == datetime.datetime(2026, 2, 28, 1, 2, 3, 4) and da_fold.fold == 1 and da_utc.tzinfo is datetime.timezone.utc",
        "da_zone.utcoffset() == datetime.timedelta(hours=2) and da_delta == datetime.timedelta(days=-1, seconds=5)",
    ),
    case(
        "numbers and text",
        "nu_dec = decimal.Decimal('1.10'); nu_frac = fractions.Fraction(1, 3); nu_re = re.compile('a(b+)', re.I)\n"
        "nu_path = pathlib.Path('/tmp') / 'x'; nu_uuid = uuid.UUID(int=5); nu_template = string.Template('$x')\n"
        "nu_match = re.match('a', 'abc')",
        "str(nu_dec) == '1.10' and nu_frac == fractions.Fraction(1, 3) and nu_re.match('ABB').group(1) == 'BB'",
        "nu_path == pathlib.Path('/tmp/x') and nu_uuid.int == 5 and nu_template.substitute(x=1) == '1'",
        lost="nu_match",
    ),
    case(
        "random generators",
        "rn_own = random.Random(3); rn_own.random(); rn_np = np.random.default_rng(3); rn_np.random()\n"
        "rn_expected = (copy.deepcopy(rn_own).random(), copy.deepcopy(rn_np).random())",
        "copy.deepcopy(rn_own).random() == rn_expected[0] and copy.deepcopy(rn_np).random() == rn_expected[1]",
    ),
    case(
        "iterators",
        "it_list = [1, 2, 3]; it_iter = iter(it_list); next(it_iter); it_count = itertools.count(5)\n"
        "it_map = enumerate(it_list)",
        "copy.copy(it_iter).__reduce__()[1][0] is it_list and list(copy.copy(it_iter)) == [2, 3]",
    ),
    case(
        "heap and queues",
        "he_heap = [3, 1, 2]; heapq.heapify(he_heap); he_simple = types.SimpleNamespace(a=[1])",
        "he_heap[0] == 1 and he_simple.a == [1]",
    ),
    # -- functions ---------------------------------------------------------------------------------------------
    case(
        "functions",
        "fn_n = 1\ndef fn_read(): return fn_n\ndef fn_write(v):\n    global fn_n\n    fn_n = v\n    return fn_n\n"
        "def fn_defaults(a, b=[1], *, c={'k': 2}) -> 'int':\n    'the doc'\n    return a + b[0] + c['k']\n"
        "fn_lambda = lambda x: x + fn_n\nfn_read.note = ['attribute']",
        "fn_read() == fn_n and fn_read.__globals__ is globals() and fn_lambda(1) == fn_n + 1",
        "fn_defaults(1) == 4 and fn_defaults.__doc__ == 'the doc' and fn_defaults.__annotations__ == {'return': 'int'}",
        "fn_read.note == ['attribute'] and fn_defaults.__module__ == '__main__' and fn_read.__qualname__ == 'fn_read'",
        "fn_write(5) == 5 and fn_n == 5 and fn_read() == 5 and fn_write(1) == 1",
    ),
    case(
        "functions that call each other",
        "def mu_even(n): return n == 0 or mu_odd(n - 1)\ndef mu_odd(n): return n != 0 and mu_even(n - 1)\n"
        "def mu_fact(n): return 1 if n < 2 else n * mu_fact(n - 1)",
        "mu_even(10) and mu_odd(7) and mu_fact(5) == 120",
    ),
    case(
        "a function under other names",
        "def al_f(): return 1\nal_g = al_f; al_list = [al_f, al_f]; al_dict = {'f': al_f}",
        "al_g is al_f and al_list[0] is al_f and al_list[1] is al_f and al_dict['f'] is al_f",
    ),
    case(
        "a function shadowed by another",
        "def sd_f(): return 'old'\nsd_old = sd_f\ndef sd_f(): return 'new'\nsd_both = [sd_old, sd_f]",
        "sd_old() == 'old' and sd_f() == 'new' and sd_both[0] is sd_old and sd_both[1] is sd_f",
    ),
    case(
        "closures",
        "def cs_make():\n"
        "    count = 0; seen = []\n"
        "    def up():\n        nonlocal count\n        count += 1; seen.append(count)\n        return count\n"
        "    def get(): return count, seen\n"
        "    return up, get\n"
        "---\n"
        "cs_up, cs_get = cs_make(); cs_up(); cs_up()",
        "cs_up.__closure__[0] is cs_get.__closure__[0] and cs_up.__closure__[1].cell_contents is cs_get()[1]",
        "cs_get()[0] == len(cs_get()[1]) and cs_up() == cs_get()[0]",
    ),
    case(
        "a closure over a session list",
        "cg_list = [1]\ndef cg_make(items):\n    return lambda: items\n---\ncg_get = cg_make(cg_list)",
        "cg_get() is cg_list",
    ),
    case(
        "a recursive closure",
        "def rc_make():\n    def fact(n): return 1 if n < 2 else n * fact(n - 1)\n    return fact\n---\nrc_fact = rc_make()",
        "rc_fact(5) == 120 and rc_fact.__closure__[0].cell_contents is rc_fact",
    ),
    case(
        "an empty cell",
        "def ec_make():\n    def inner(): return later\n    if False: later = 1\n    return inner\n---\nec_f = ec_make()",
        "ec_f.__closure__[0] == types.CellType()",
    ),
    case(
        "decorators",
        "de_calls = []\ndef de_log(f):\n    @functools.wraps(f)\n    def wrapper(*a):\n        de_calls.append(a)\n        return f(*a)\n"
        "    return wrapper\n---\n@de_log\ndef de_add(a, b): return a + b\n"
        "@functools.lru_cache(maxsize=None)\ndef de_cached(n): return [n]\n"
        "@contextlib.contextmanager\ndef de_manager():\n    yield 3\n"
        "@functools.singledispatch\ndef de_single(x): return 'any'\n@de_single.register\ndef _(x: int): return 'int'\n",
        "de_add(1, 2) == 3 and de_calls[-1] == (1, 2) and de_add.__name__ == 'de_add' and de_add.__wrapped__(2, 2) == 4",
        "de_cached(3) == [3] and de_cached(3) is de_cached(3) and de_cached.__wrapped__(1) == [1]",
        "de_manager().__enter__() == 3",
        "de_single('x') == 'any' and de_single(1) == 'int'",
    ),
    case(
        "partials and operators",
        "pa_list = [3, 1]; pa_sort = functools.partial(sorted, reverse=True); pa_get = operator.itemgetter(0)\n"
        "pa_append = pa_list.append; pa_upper = operator.methodcaller('upper'); pa_max = functools.partial(max, pa_list)",
        "pa_sort(pa_list) == [3, 1] and pa_get(pa_list) == 3 and pa_upper('a') == 'A' and pa_max() == 3",
        "pa_append.__self__ is pa_list and pa_max.args[0] is pa_list",
    ),
    case(
        "coroutines and generators as functions",
        "async def ac_f(): return ac_n\nac_n = 4\ndef ac_gen(n):\n    for i in range(n): yield i\nasync def ac_agen():\n    yield 1",
        "list(ac_gen(3)) == [0, 1, 2] and asyncio.iscoroutinefunction(ac_f) and ac_agen().__class__.__name__ == 'async_generator'",
    ),
    # -- classes -----------------------------------------------------------------------------------------------
    case(
        "a class and its instance",
        "class ClPlain:\n"
        "    'doc'\n    shared = []\n    count: int = 0\n"
        "    def __init__(self, x): self.x = x\n"
        "    def get(self): return self.x, cl_global\n"
        "    @classmethod\n    def make(cls, x): return cls(x)\n"
        "    @staticmethod\n    def stat(): return 'static'\n"
        "    @property\n    def double(self): return self.x * 2\n"
        "    @double.setter\n    def double(self, v): self.x = v // 2\n"
        "cl_global = 'g'\n"
        "---\n"
        "cl_i = ClPlain([1]); cl_j = ClPlain(cl_i.x); ClPlain.shared.append('s')",
        "type(cl_i) is ClPlain and cl_i.x is cl_j.x and cl_i.get() == ([1], 'g') and ClPlain.shared == ['s']",
        "isinstance(ClPlain.make(1), ClPlain) and ClPlain.stat() == 'static' and ClPlain(2).double == 4",
        "ClPlain.__doc__ == 'doc' and ClPlain.__annotations__ == {'count': int} and ClPlain.__module__ == '__main__'",
        "cl_i.shared is ClPlain.shared and ClPlain.get.__globals__ is globals()",
    ),
    case(
        "super and inheritance",
        "class SuBase(abc.ABC):\n    def __init__(self): self.log = ['base']\n    @abc.abstractmethod\n    def go(self): return 'base'\n"
        "class SuChild(SuBase):\n    def __init__(self):\n        super().__init__()\n        self.log.append('child')\n"
        "    def go(self): return super().go() + ' child'\n    def me(self): return __class__\n"
        "---\nclass SuGrand(SuChild):\n    def go(self): return super().go() + ' grand'\nsu_i = SuGrand()",
        "su_i.go() == 'base child grand' and su_i.log == ['base', 'child'] and su_i.me() is SuChild",
        "SuGrand.__mro__ == (SuGrand, SuChild, SuBase, abc.ABC, object) and SuGrand().log == ['base', 'child']",
        "SuBase.__abstractmethods__ == frozenset({'go'}) and issubclass(SuGrand, SuBase) and isinstance(su_i, SuBase)",
    ),
    case(
        "bound methods",
        "class BmBox:\n    def __init__(self): self.items = []\n    def add(self, x): self.items.append(x); return self\n"
        "---\nbm_box = BmBox(); bm_add = bm_box.add; bm_table = {'add': bm_box.add, 'cls': BmBox.add}",
        "bm_add.__self__ is bm_box and bm_add('a') is bm_box and bm_box.items[-1] == 'a' and bm_table['add'].__self__ is bm_box",
        "bm_table['cls'] is BmBox.add and bm_add.__func__ is BmBox.add",
    ),
    case(
        "dataclasses",
        "@dataclasses.dataclass\nclass DcPoint:\n    x: int\n    tags: list = dataclasses.field(default_factory=list)\n"
        "@dataclasses.dataclass(frozen=True, slots=True, order=True)\nclass DcFrozen:\n    x: int = 1\n"
        "---\ndc_i = DcPoint(1); dc_i.tags.append('t'); dc_f = DcFrozen(2); dc_list = [dc_i]",
        "dc_i == DcPoint(1, ['t']) and dc_list[0] is dc_i and repr(dc_i) == \"DcPoint(x=1, tags=['t'])\"",
        "dc_f == DcFrozen(2) and dc_f > DcFrozen(1) and type(dc_f) is DcFrozen and hash(dc_f) == hash(DcFrozen(2))",
        "DcPoint(5).tags == [] and [f.name for f in dataclasses.fields(DcPoint)] == ['x', 'tags']",
    ),
    case(
        "enums",
        "class EnColor(enum.Enum):\n    RED = 1\n    BLUE = [2]\n    def nice(self): return self.name.title()\n"
        "class EnFlag(enum.IntFlag):\n    A = 1\n    B = 2\n---\nen_red = EnColor.RED; en_list = [EnColor.RED, EnColor.BLUE]; en_flag = EnFlag.A | EnFlag.B",
        "en_red is EnColor.RED and en_list[0] is EnColor.RED and EnColor(1) is EnColor.RED and en_red.nice() == 'Red'",
        "en_flag == 3 and EnFlag.A in en_flag and list(EnColor) == [EnColor.RED, EnColor.BLUE]",
    ),
    case(
        "what an enum's own code makes of its members",
        "class EmPlanet(enum.Enum):\n    EARTH = (5.97, 6.37)\n    TERRA = EARTH\n    def __init__(self, mass, radius): self.mass = mass; self.radius = radius\n"
        "class EmTimes(enum.Enum):\n    def __new__(cls, n, label):\n        made = object.__new__(cls); made._value_ = n * 10; made.label = label; return made\n"
        "    def _generate_next_value_(name, start, count, last): return 7, name\n"
        "class EmScale(EmTimes):\n    SMALL = 1, 's'\n    LARGE = 2, 'l'\n"
        "class EmUnit(bytes, enum.Enum):\n    PX = (65, 'pixel')\n    def __new__(cls, n, label):\n"
        "        made = bytes.__new__(cls, [n]); made._value_ = n; made.label = label; return made\n"
        "class EmPair(tuple, enum.Enum):\n    ONE = (1, 2)\n"
        "class EmDay(datetime.date, enum.Enum):\n    NEW_YEAR = 2020, 1, 1\n"
        "class EmRight(enum.Flag, boundary=enum.KEEP):\n    READ = 1\n    WRITE = 2\n    BOTH = 3\n    HIGH = 12\n"
        "---\nem_earth = EmPlanet.TERRA; em_small = EmScale.SMALL; em_both = EmRight.BOTH",
        "em_earth is EmPlanet.EARTH and EmPlanet['TERRA'] is em_earth and (em_earth.mass, em_earth.radius) == (5.97, 6.37)",
        "list(EmPlanet) == [EmPlanet.EARTH] and list(EmPlanet.__members__) == ['EARTH', 'TERRA'] and EmPlanet((5.97, 6.37)) is em_earth",
        "[(m.value, m.label) for m in EmScale] == [(10, 's'), (20, 'l')] and em_small is EmScale(10) and type(em_small) is EmScale",
        "EmTimes('EmMore', {'BIG': (3, 'b')}).BIG.value == 30 and EmTimes('EmNext', 'SOME').SOME.label == 'SOME'",
        "EmUnit.PX == b'A' and EmUnit.PX.value == 65 and EmUnit(65).label == 'pixel' and EmPair.ONE == (1, 2) == EmPair.ONE.value",
        "EmDay.NEW_YEAR == EmDay.NEW_YEAR.value == datetime.date(2020, 1, 1) and EmDay(datetime.date(2020, 1, 1)).year == 2020",
        "em_both is EmRight.BOTH is EmRight.READ | EmRight.WRITE and list(EmRight) == [EmRight.READ, EmRight.WRITE] and EmRight(16).value == 16",
    ),
    case(
        "named tuples and typed dicts",
        "NtPoint = collections.namedtuple('NtPoint', 'x y')\nclass NtTyped(typing.NamedTuple):\n    a: int\n    b: list = []\n"
        "class NtDict(typing.TypedDict):\n    k: int\n---\nnt_p = NtPoint(1, [2]); nt_t = NtTyped(1); nt_d: NtDict = {'k': 1}",
        "type(nt_p) is NtPoint and nt_p.y == [2] and nt_p._replace(x=5).x == 5 and isinstance(nt_t, NtTyped) and nt_t.b == []",
        "NtDict.__annotations__ == {'k': int} and nt_d == {'k': 1}",
    ),
    case(
        "slots, descriptors and metaclasses",
        "class SlPoint:\n    __slots__ = ('x', '__weakref__')\n"
        "class MetaReg(type):\n    known = {}\n    def __new__(m, n, b, d):\n        c = super().__new__(m, n, b, d)\n        m.known[n] = c\n        return c\n"
        "class MetaUser(metaclass=MetaReg):\n    pass\n"
        "class DescField:\n    def __set_name__(self, o, n): self.n = '_' + n\n    def __get__(self, i, o): return self if i is None else getattr(i, self.n)\n"
        "    def __set__(self, i, v): setattr(i, self.n, v)\n"
        "class DescUser:\n    f = DescField()\n"
        "---\nsl_p = SlPoint(); sl_p.x = [1]; desc_u = DescUser(); desc_u.f = 3; meta_u = MetaUser()",
        "sl_p.x == [1] and type(sl_p) is SlPoint and not hasattr(sl_p, '__dict__') and desc_u.f == 3 and DescUser.f.n == '_f'",
        "type(MetaUser) is MetaReg and MetaReg.known['MetaUser'] is MetaUser and type(meta_u) is MetaUser",
    ),
    case(
        "generic and protocol classes",
        "GeT = typing.TypeVar('GeT')\nclass GeBox(typing.Generic[GeT]):\n    def __init__(self, v: GeT): self.v = v\n"
        "class GeProto(typing.Protocol):\n    def go(self) -> int: ...\n---\nge_b = GeBox[int](3); ge_alias = list[int]; ge_union = int | None",
        "type(ge_b) is GeBox and ge_b.v == 3 and GeBox[str]('a').v == 'a' and ge_alias == list[int] and ge_union == (int | None)",
        "GeBox.__parameters__ == (GeT,)",
    ),
    case(
        "nested and local classes",
        "class NeOuter:\n    class Inner:\n        def __init__(self): self.l = []\n    def make(self): return self.Inner()\n"
        "def ne_factory():\n    class Local:\n        n = 5\n        def get(self): return self.n\n    return Local\n"
        "---\nne_i = NeOuter().make(); NeLocal = ne_factory(); ne_l = NeLocal(); NeOther = ne_factory(); ne_anon = ne_factory()()",
        "type(ne_i) is NeOuter.Inner and NeOuter.Inner.__qualname__ == 'NeOuter.Inner' and type(ne_l) is NeLocal and ne_l.get() == 5 and NeOther is not NeLocal and ne_anon.get() == 5",
    ),
    case(
        "a redefined class and its old instance",
        "class ReClass:\n    version = 1\n    def v(self): return 'one'\nre_old = ReClass()\n---\n"
        "class ReClass:\n    version = 2\n    def v(self): return 'two'\nre_new = ReClass()",
        "re_old.v() == 'one' and re_new.v() == 'two' and type(re_new) is ReClass and type(re_old) is not ReClass",
        "type(re_old).version == 1 and type(re_old).__name__ == 'ReClass'",
    ),
    case(
        "attributes on demand",
        "class AtMagic:\n    def __init__(self): self.__dict__['data'] = {'a': 1}\n    def __getattr__(self, n):\n"
        "        try: return self.__dict__['data'][n]\n        except KeyError: raise AttributeError(n) from None\n"
        "    def __setattr__(self, n, v): self.__dict__['data'][n] = v\n"
        "class AtBare:\n    def __getattr__(self, n): return self.inner[n]\n---\nmagic_i = AtMagic(); magic_i.b = [2]",
        "magic_i.a == 1 and magic_i.b == [2] and type(magic_i) is AtMagic",
    ),
    case(
        "subclasses of builtins",
        "class SbList(list):\n    pass\nclass SbDict(dict):\n    def __missing__(self, k): return k\nclass SbInt(int):\n    pass\nclass SbStr(str):\n    pass\n"
        "class SbError(Exception):\n    def __init__(self, a, b):\n        super().__init__(a)\n        self.b = b\n"
        "---\nsb_l = SbList([1]); sb_l.extra = sb_l; sb_d = SbDict(a=1); sb_n = SbInt(3); sb_s = SbStr('s'); sb_n.tag = [1]",
        "type(sb_l) is SbList and sb_l == [1] and sb_l.extra is sb_l and sb_d['zz'] == 'zz' and type(sb_n) is SbInt and sb_n.tag == [1]",
        "sb_s == 's' and type(sb_s) is SbStr",
    ),
    case(
        "own pickling",
        "class OwnState:\n    def __init__(self): self.a = [1]; self.lock = threading.Lock()\n    def __getstate__(self): return {'a': self.a}\n"
        "    def __setstate__(self, s): self.a = s['a']; self.lock = threading.Lock()\n"
        "class OwnReduce:\n    def __init__(self, n): self.n = n\n    def __reduce__(self): return OwnReduce, (self.n,)\n"
        "---\nown_s = OwnState(); own_a = own_s.a; own_r = OwnReduce(own_a)",
        "own_s.a is own_a and own_s.lock.acquire(False) in (True, False) and type(own_r) is OwnReduce and own_r.n is own_a",
    ),
    case(
        "exceptions",
        "try: 1 / 0\nexcept ZeroDivisionError as e: ex_saved = ValueError('v'); ex_saved.extra = [1]\nex_key = KeyError('k')",
        "str(ex_saved) == 'v' and ex_saved.extra == [1] and ex_key.args == ('k',)",
    ),
    case(
        "modules",
        "mod_json = __import__('json'); mod_list = [math, os.path]",
        "mod_json.dumps([1]) == '[1]' and mod_list[0] is math and mod_list[1] is os.path",
    ),
    case(
        "builtins and library callables",
        "bu_list = [len, int, print, sorted, math.sin, np.sum, np.sin, str.upper, dict.fromkeys, pd.DataFrame.sum, os.path.join]",
        "bu_list == [len, int, print, sorted, math.sin, np.sum, np.sin, str.upper, dict.fromkeys, pd.DataFrame.sum, os.path.join]",
    ),
    # -- NumPy -------------------------------------------------------------------------------------------------
    case(
        "arrays",
        "nd_a = np.arange(12.).reshape(3, 4); nd_f = np.asfortranarray(nd_a); nd_0 = np.array(5); nd_e = np.empty((0, 3)); nd_b = np.array([True, False])\n"
        "nd_c = np.array([1+2j]); nd_s = np.array(['ab', 'c']); nd_o = np.array([[1], {'a': 2}, None], dtype=object); nd_dt = np.array(['2026-01-01'], 'M8[D]')\n"
        "nd_be = np.arange(3, dtype='>i4'); nd_big = np.arange(40_000.); nd_ro = np.arange(3); nd_ro.flags.writeable = False; nd_np = np.float32(1.5)\n"
        "nd_rec = np.rec.array([(1, 'a')], dtype=[('n', 'i4'), ('s', 'U1')]); nd_ma = np.ma.array([1, 2], mask=[0, 1]); nd_void = np.zeros(2, 'i4,f8')",
        "np.array_equal(nd_a, np.arange(12.).reshape(3, 4)) and nd_f.flags.f_contiguous and np.array_equal(nd_a, nd_f) and not np.shares_memory(nd_a, nd_f)",
        "nd_0.shape == () and nd_0 == 5 and nd_e.shape == (0, 3) and nd_b.dtype == bool and nd_c[0] == 1+2j and nd_s.tolist() == ['ab', 'c']",
        "nd_o[0] == [1] and nd_o[1] == {'a': 2} and nd_o.dtype == object and nd_dt.dtype == 'M8[D]' and nd_be.dtype.byteorder == '>'",
        "nd_big.sum() == 40_000 * 39_999 / 2 and nd_big.flags.writeable and not nd_ro.flags.writeable and type(nd_np) is np.float32",
        "nd_rec.n[0] == 1 and type(nd_rec) is np.recarray and nd_ma.sum() == 1 and nd_void.dtype.names == ('f0', 'f1')",
    ),
    case(
        "views",
        "vw_a = np.arange(20_000.); vw_s = vw_a[100:200]; vw_r = vw_a[::-1]; vw_3 = vw_a[::3]; vw_m = vw_a.reshape(100, 200); vw_t = vw_m.T; vw_i = vw_a.view('i8')\n"
        "vw_b = np.broadcast_to(vw_a[:3], (2, 3)); vw_row = vw_m[5]; vw_col = vw_m[:, 7]; vw_neg = vw_m[::-2, ::-1]; vw_0 = vw_a[5:5]; vw_bytes = vw_a.view('u1')",
        "all(v.base is vw_a for v in (vw_s, vw_r, vw_3, vw_m, vw_i, vw_row, vw_col, vw_neg, vw_bytes)) and vw_t.base is vw_a",
        "all(np.shares_memory(v, vw_a) for v in (vw_s, vw_r, vw_3, vw_m, vw_t, vw_i, vw_b, vw_row, vw_col, vw_neg, vw_bytes))",
        "vw_s.shape == (100,) and np.array_equal(vw_r, np.flip(vw_a)) and vw_t.shape == (200, 100) and vw_3.strides == (24,) and not vw_b.flags.writeable",
        "[vw_a.__setitem__(100, -1.), vw_s[0] == -1., vw_r[-101] == -1., vw_m[0, 100] == -1., vw_i[100] == np.float64(-1).view('i8'), vw_a.__setitem__(100, 100.)] == [None, True, True, True, True, None]",
        "[vw_row.__setitem__(3, 7.), vw_a[1003] == 7., vw_t[3, 5] == 7., vw_row.__setitem__(3, 1003.)] == [None, True, True, None]",
    ),
    case(
        "small views",
        "vs_a = np.arange(4); vs_v = vs_a[1:3]; vs_w = vs_a[:2]; vs_keep = [vs_v, np.arange(3)]",
        "vs_v.base is vs_a and np.shares_memory(vs_v, vs_w) and vs_keep[0] is vs_v",
        "[vs_a.__setitem__(1, 9), vs_v[0] == 9, vs_w[1] == 9, vs_a.__setitem__(1, 1)] == [None, True, True, None]",
    ),
    case(
        "views whose base has no name",
        "vh_x, vh_y = (lambda b: (b[:60], b[40:]))(np.arange(100.)); vh_alone = np.arange(100_000.)[10:20]",
        "np.shares_memory(vh_x, vh_y) and [vh_x.__setitem__(50, -1.), vh_y[10] == -1., vh_x.__setitem__(50, 50.)] == [None, True, None]",
        "np.array_equal(vh_alone, np.arange(10., 20.)) and vh_alone.flags.writeable",
    ),
    case(
        "structured views",
        "vt_a = np.zeros(5_000, dtype=[('x', 'f8'), ('y', 'i4', 3)]); vt_x = vt_a['x']; vt_y = vt_a['y']; vt_two = vt_a[['x']]",
        "vt_x.base is vt_a and vt_y.shape == (5_000, 3) and [vt_x.__setitem__(1, 5.), vt_a['x'][1] == 5., vt_x.__setitem__(1, 0.)] == [None, True, None]",
    ),
    case(
        "arrays of objects",
        "vo_l = [1]; vo_a = np.array([vo_l, None], dtype=object); vo_v = vo_a[:1]",
        "vo_a[0] is vo_l and vo_v[0] is vo_l and vo_v.base is vo_a",
    ),
    case(
        "an array in many places",
        "am_a = np.arange(5_000); am_d = {'a': am_a, 'v': am_a[1:]}; am_l = [am_a]\n"
        "class AmHold:\n    pass\n---\nam_h = AmHold(); am_h.arr = am_a",
        "am_d['a'] is am_a and am_d['v'].base is am_a and am_l[0] is am_a and am_h.arr is am_a",
    ),
    case(
        "a class that holds its own methods, bound",
        "class BmHolder:\n    held = []\n    def __init__(self): self.own = []\n    def put(self, x): self.own.append(x); return self\n"
        "bm_a = BmHolder(); BmHolder.held.append(bm_a.put); BmHolder.held.append(bm_a)",
        "BmHolder.held[1] is bm_a and BmHolder.held[0].__self__ is bm_a and BmHolder.held[0].__func__ is BmHolder.put",
        "type(bm_a) is BmHolder and BmHolder.held[0](1) is bm_a and bm_a.own[-1] == 1",
    ),
    case(
        "a class without its name that holds its own methods, bound",
        "class BnHolder:\n    held = []\n    def put(self): return self\n"
        "bn_a = BnHolder(); BnHolder.held.append(bn_a.put)\n---\nBnHolder = None",
        "bn_a.held[0]() is bn_a and bn_a.held[0].__func__ is type(bn_a).put",
    ),
    case(
        "fields of a structured array with objects",
        "fo_all = np.zeros(4, dtype=[('a', 'i4'), ('b', 'O'), ('c', 'f8')]); fo_a = fo_all['a']; fo_c = fo_all[1:]['c'][::2]; fo_b = fo_all['b']\n---\n"
        "fo_all['a'][0] = 5; fo_all['c'][3] = 2.; fo_b[1] = [1]",
        "fo_a[0] == 5 and fo_c[1] == 2. and fo_all['b'][1] == [1]",
        "[fo_all.__setitem__(0, (7, None, 0.)), fo_a[0] == 7, fo_a.__setitem__(0, 5)] == [None, True, None] and fo_all['a'][0] == 5",
        "np.shares_memory(fo_all, fo_a) and np.shares_memory(fo_all, fo_c) and np.shares_memory(fo_all, fo_b)",
    ),
    case(
        "arrays over a bytearray",
        "vb_bytes = bytearray(80); vb_a = np.frombuffer(vb_bytes, 'f8'); vb_a[0] = 5.; vb_part = np.frombuffer(vb_bytes, 'f8')[2:]",
        "[vb_part.__setitem__(0, vb_part[0] + 1), np.frombuffer(bytes(vb_bytes[16:24]))[0] == vb_part[0]] == [None, True]",
        "vb_a[0] == 5. and [vb_a.__setitem__(1, 1.), bytes(vb_bytes[8:16]) == np.float64(1).tobytes()] == [None, True]",
    ),
    # -- pandas ------------------------------------------------------------------------------------------------
    case(
        "frames",
        "pf_a = pd.DataFrame({'i': range(5), 'f': np.linspace(0, 1, 5), 's': list('abcde'), 'd': pd.date_range('2026', periods=5, tz='UTC'), 'c': pd.Categorical(list('aabbc')), 'o': [[1], None, {}, 2, 's']})\n"
        "pf_a.index.name = 'idx'; pf_a.attrs['note'] = 'n'; pf_m = pf_a.set_index(['i', 's']); pf_s = pf_a['f']; pf_e = pd.DataFrame(); pf_i = pd.Index([1, 2], name='q')\n"
        "pf_n = pd.Series([1, None], dtype='Int64'); pf_str = pd.Series(['a', None], dtype='string'); pf_iv = pd.interval_range(0, 3); pf_ts = pd.Timestamp('2026-01-01', tz='Europe/Berlin')\n"
        "pf_copy = pf_a.copy(deep=True)",
        "pd.testing.assert_frame_equal(pf_a, pf_copy) is None and pf_a.attrs == {'note': 'n'} and pf_a.index.name == 'idx' and pf_m.index.names == ['i', 's']",
        "pf_a.dtypes['c'] == 'category' and pf_a.dtypes['d'].tz is not None and pf_e.empty and pf_i.name == 'q' and pf_n.isna()[1] and pf_ts.tzinfo.key == 'Europe/Berlin'",
        "pd.testing.assert_series_equal(pf_s, pf_a['f']) is None and len(pf_iv) == 3 and pf_str.dtype == 'string'",
    ),
    case(
        "copy-on-write",
        "pw_a = pd.DataFrame({'x': [1, 2, 3], 'y': [1., 2., 3.]}); pw_b = pw_a.copy(deep=False); pw_s = pw_a['x']; pw_sub = pw_a.iloc[1:]; pw_same = pw_a",
        "pw_same is pw_a",
        "[pw_b.__setitem__('x', 0), pw_a['x'].tolist() == [1, 2, 3]] == [None, True]",
        "[pw_s.__setitem__(0, 99), pw_a['x'].tolist() == [1, 2, 3]] == [None, True]",
        "[pw_sub.iloc.__setitem__((0, 0), -5), pw_a['x'].tolist() == [1, 2, 3], pw_b['y'].tolist() == [1., 2., 3.]] == [None, True, True]",
        "[pw_a.loc.__setitem__((0, 'y'), 77.), pw_b['y'].tolist() == [1., 2., 3.], pw_a.loc.__setitem__((0, 'y'), 1.)] == [None, True, None]",
    ),
    case(
        "a frame in a list",
        "pl_f = pd.DataFrame({'a': [1]}); pl_l = [pl_f, pl_f]; pl_g = pl_f.groupby('a')",
        "pl_l[0] is pl_f and pl_l[1] is pl_f and pl_g.obj is pl_f",
    ),
    # -- what can't be kept ------------------------------------------------------------------------------------
    case(
        "a generator",
        "ge_src = [1, 2, 3]\ndef ge_run():\n    for x in ge_src: yield x\n---\nge_obj = ge_run(); ge_first = next(ge_obj)",
        "ge_src == [1, 2, 3] and ge_first == 1 and list(ge_run()) == [1, 2, 3]",
        lost="ge_obj",
    ),
    case(
        "process-bound things",
        "lost_lock = threading.Lock(); lost_sock = socket.socket(); lost_db = sqlite3.connect(':memory:'); lost_file = open(os.devnull); lost_cur = lost_db.cursor()\n"
        "lost_coro = (lambda: (yield))(); lost_thread = threading.Thread(); lost_weak = weakref.WeakValueDictionary(); lost_kept = [1]",
        "lost_kept == [1]",
        lost="lost_lock lost_sock lost_db lost_file lost_cur lost_coro lost_thread",
    ),
    case(
        "a lock inside an object",
        "class LoBox:\n    def __init__(self): self.lock = threading.Lock(); self.data = [1]\n---\nlo_box = LoBox(); lo_other = [2]",
        "lo_other == [2] and LoBox().data == [1]",
        lost="lo_box",
    ),
    case(
        "dynamic type that lies",
        "class LieBool:\n    def __bool__(self): raise RuntimeError('no truth')\n    def __eq__(self, o): raise RuntimeError('no equality')\n    __hash__ = None\n"
        "    def __len__(self): raise RuntimeError('no length')\n    def __repr__(self): raise RuntimeError('no repr')\n---\nlie_i = LieBool(); lie_l = [lie_i]",
        "lie_l[0] is lie_i and type(lie_i) is LieBool",
    ),
]

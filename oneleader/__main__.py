"""The entry point of the `oneleader` command.

What a command needs is imported when it runs: `--help` is quick, whatever the checker takes to load."""

import sys
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="oneleader",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # loading Rich for it doubles what `--help` takes
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Spec = Annotated[Path, typer.Argument(metavar="SPEC", help="A spec: a file that ends in .elect.", show_default=False)]


# Of several commands
Within = Annotated[
    str | None,
    typer.Option(metavar="SIZES", help="The cluster: '5 nodes'.", show_default="the smallest of the first check"),
]
RoundTrips = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Delays from measured round trips, one a line, in ms; instead of --delay.",
        show_default="none",
    ),
]
Store = Annotated[str, typer.Option(metavar="TIMES", help="How long a store takes.")]
Timers = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=TIMES", help="Instead of the spec's: 'election=150 ms .. 300 ms' (repeatable)."),
]
Jobs = Annotated[int | None, typer.Option(help="On so many cores.", show_default="all")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it: .svg or .png.", show_default="none")]


class Engines(StrEnum):
    AUTO = "auto"
    NATIVE = "native"
    PYTHON = "python"


class Formats(StrEnum):
    CHART = "chart"
    JSON = "json"
    ITF = "itf"
    MERMAID = "mermaid"
    SVG = "svg"


class Reductions(StrEnum):
    SYMMETRY = "symmetry"
    DEAD_VARIABLES = "dead-variables"
    DEAD_MESSAGES = "dead-messages"
    ALWAYS_ARMED = "always-armed"


class Graphs(StrEnum):
    GRAPHML = "graphml"
    DOT = "dot"
    SVG = "svg"


class Languages(StrEnum):
    TLA = "tla"
    MURPHI = "murphi"


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"oneleader {version('oneleader')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Check leader elections: the shortest counterexample, or an honest verdict.

    Exit status: 0 holds within bounds or proved, 1 violated, 2 bad input, 3 unknown, 130 interrupted."""


@app.command()
def check(
    spec: Spec,
    only: Annotated[
        list[str] | None, typer.Option("--check", "-c", metavar="NAME", help="Run this check only (repeatable).")
    ] = None,
    properties: Annotated[
        list[str] | None, typer.Option("--property", "-p", metavar="NAME", help="Look for this only (repeatable).")
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(metavar="ROW", help="Explore this instead of the spec's checks: '5 nodes, term <= 2'."),
    ] = None,
    network: Annotated[
        str | None, typer.Option(metavar="WORDS", help="Instead of the spec's: 'loss, reordering', 'reliable'.")
    ] = None,
    faults: Annotated[
        str | None, typer.Option(metavar="WORDS", help="Instead of the spec's: 'crash up to 2, partition', 'none'.")
    ] = None,
    fairness: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS", help="Instead of the spec's: 'eventually calm, weak delivery, weak timeout', 'none'."
        ),
    ] = None,
    timed: Annotated[
        str | None,
        typer.Option(metavar="WORDS", help="Beside or instead of what the spec says: 'drift 1 in 20, lease 15 s'."),
    ] = None,
    engine: Annotated[
        Engines, typer.Option(help="Who searches; auto: native, if there is a C compiler.")
    ] = Engines.AUTO,
    threads: Annotated[int | None, typer.Option(help="For the native engine.", show_default="all cores")] = None,
    without: Annotated[
        list[Reductions] | None, typer.Option(help="Switch a reduction off (repeatable).", show_default="all are on")
    ] = None,
    memory: Annotated[
        str | None, typer.Option(help="At most this much: 8G, 500M.", show_default="80% of what is free")
    ] = None,
    time: Annotated[float | None, typer.Option(help="At most this many seconds.", show_default="no limit")] = None,
    depth: Annotated[int | None, typer.Option(help="At most this many steps deep.", show_default="no limit")] = None,
    json: Annotated[bool, typer.Option("--json", help="The verdict as JSON (docs/verdict.schema.json).")] = False,
    format: Annotated[Formats, typer.Option(help="How to show a counterexample.")] = Formats.CHART,
    trace: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the counterexample, for `replay`.")] = None,
    progress: Annotated[
        bool | None, typer.Option(help="Tell how far the search is.", show_default="on a terminal")
    ] = None,
) -> None:
    """Explore every reachable state within the bounds; find the shortest counterexample, or none."""
    from oneleader import check as command

    request = command.Request(
        spec=spec,
        checks=tuple(only or ()),
        properties=tuple(properties or ()),
        within=within,
        network=network,
        faults=faults,
        fairness=fairness,
        timed=timed,
        engine=engine.value,
        threads=threads,
        without=tuple(command.REDUCTIONS[reduction.value] for reduction in without or ()),
        memory=memory,
        seconds=time,
        depth=depth,
        as_json=json,
        format=format.value,
        trace=trace,
        progress=progress,
    )
    command.check(request)


@app.command()
def bmc(
    spec: Spec,
    within: Annotated[
        str | None, typer.Option(metavar="SIZES", help="As in '3 nodes'.", show_default="the spec's first check")
    ] = None,
    depth: Annotated[int, typer.Option(help="At most this many steps.")] = 10,
    properties: Annotated[
        list[str] | None, typer.Option("--property", "-p", metavar="NAME", help="Look for this only (repeatable).")
    ] = None,
    induction: Annotated[
        bool, typer.Option("--induction", help="Try to prove by k-induction that nothing is ever violated.")
    ] = False,
    network: Annotated[
        str | None, typer.Option(metavar="WORDS", help="Instead of the spec's: 'loss, reordering', 'reliable'.")
    ] = None,
    faults: Annotated[
        str | None, typer.Option(metavar="WORDS", help="Instead of the spec's: 'crash up to 2, partition', 'none'.")
    ] = None,
    time: Annotated[float | None, typer.Option(help="At most this many seconds.", show_default="no limit")] = None,
    json: Annotated[bool, typer.Option("--json", help="The verdict as JSON (docs/bmc.schema.json).")] = False,
    format: Annotated[Formats, typer.Option(help="How to show a counterexample.")] = Formats.CHART,
    trace: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the counterexample, for `replay`.")] = None,
    progress: Annotated[
        bool | None, typer.Option(help="Tell how far the search is.", show_default="on a terminal")
    ] = None,
) -> None:
    """Look for a violation within so many steps with a solver (Z3): sizes are fixed, numbers are unbounded.

    It looks at the spec's `safety`, `invariant` and `step` properties and at the standard ones that `check` looks at;
    not at `reachable`, `recovers` and `leads_to`, nor at `minority_cannot_elect`, which `prove` alone knows."""
    from oneleader import bmc as command

    request = command.Request(
        spec=spec,
        within=within,
        depth=depth,
        properties=tuple(properties or ()),
        induction=induction,
        network=network,
        faults=faults,
        seconds=time,
        as_json=json,
        format=format.value,
        trace=trace,
        progress=progress,
    )
    command.bmc(request)


@app.command()
def replay(
    spec: Spec,
    trace: Annotated[
        Path, typer.Argument(metavar="TRACE", help="A trace saved by `check --trace`.", show_default=False)
    ],
    format: Annotated[Formats, typer.Option(help="How to show it.")] = Formats.CHART,
) -> None:
    """Step a saved trace through the reference semantics; refuse one that does not fit the spec."""
    from oneleader import replay as command

    command.replay(spec, trace, format.value)


@app.command("validate-trace")
def validate_trace(
    spec: Spec,
    traces: Annotated[
        list[Path],
        typer.Argument(metavar="TRACES...", help="What nodes recorded: a file for each.", show_default=False),
    ],
    outside: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="Something else stood for these, such as etcd for a lock service (repeatable).",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The answer as JSON (docs/validate-trace.schema.json).")] = False,
) -> None:
    """Say whether what real nodes recorded is a behaviour of the spec, or which event is the first that is not.

    Exit status: 0 it is, 1 it is not, 2 the files are no traces of this spec."""
    from oneleader import validate_trace as command

    command.run(spec, tuple(traces), tuple(outside or ()), json)


@app.command()
def fmt(
    specs: Annotated[list[Path], typer.Argument(metavar="SPEC...", help="Specs to rewrite.", show_default=False)],
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if something would be.")] = False,
) -> None:
    """Rewrite specs in their canonical form; comments are kept."""
    from oneleader import fmt as command

    command.fmt(tuple(specs), check)


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The protocol's name.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write this file.", show_default="NAME.elect")
    ] = None,
) -> None:
    """Write a commented spec to begin with."""
    from oneleader import new as command

    command.new(name, out)


@app.command()
def show(spec: Spec) -> None:
    """Print a spec with its syntax highlighted."""
    from oneleader import show as command

    command.show(spec)


@app.command()
def graph(
    spec: Spec,
    within: Annotated[
        str | None,
        typer.Option(
            metavar="ROW", help="Of this instance: '2 nodes, term <= 2'.", show_default="the spec's first check"
        ),
    ] = None,
    to: Annotated[Graphs, typer.Option(help="The form.")] = Graphs.DOT,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it to this file.", show_default="standard output")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most this many states.")] = 2000,
) -> None:
    """Write the graph of all reachable states, for a small instance."""
    from oneleader import graph as command

    command.graph(spec, within, to.value, out, limit)


@app.command()
def export(
    spec: Spec,
    to: Annotated[Languages, typer.Option(help="The language.", show_default=False)],
    within: Annotated[
        str | None,
        typer.Option(
            metavar="ROW", help="Of this instance: '3 nodes, term <= 2'.", show_default="the spec's first check"
        ),
    ] = None,
    faults: Annotated[
        str | None, typer.Option(metavar="WORDS", help="Instead of the spec's: 'crash up to 2, partition', 'none'.")
    ] = None,
    timed: Annotated[
        str | None,
        typer.Option(metavar="WORDS", help="Beside or instead of what the spec says: 'drift 1 in 20, lease 15 s'."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to write the files.", show_default="standard output")
    ] = None,
    symmetry: Annotated[bool, typer.Option("--symmetry", help="Declare the processes interchangeable.")] = False,
    inductive: Annotated[
        bool,
        typer.Option("--inductive", help="With TLA+: also write what checks that the spec's invariant is inductive."),
    ] = False,
) -> None:
    """Write the protocol for another model checker: TLA+ (TLC) or Murphi (rumur)."""
    from oneleader import export as command

    command.export(spec, to.value, within, faults, timed, out, symmetry, inductive)


@app.command()
def generate(
    spec: Spec,
    out: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="The package: a new folder, or one generated before.", show_default=False),
    ],
    runtime_from: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE", help="Import the runtime from there.", show_default="a copy, inside the package"
        ),
    ] = None,
    with_deployment: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also write what deploys nodes into this folder.", show_default="none"),
    ] = None,
    with_tests: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also write tests of the package into this folder.", show_default="none"),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing where all is well.")] = False,
) -> None:
    """Emit a Python package with the protocol's steps, each proved to be the spec's, and what a node needs to run."""
    from oneleader.generate import Request, run

    run(Request(spec, out, runtime_from, with_deployment, with_tests, quiet))


@app.command()
def bundle(
    spec: Spec,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the wheel is written.", show_default=False)],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The wheel's name.", show_default="PROTOCOL-election")
    ] = None,
    version: Annotated[
        str | None, typer.Option(metavar="V", help="Its version.", show_default="Oneleader's, with the spec's hash")
    ] = None,
    with_deployment: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also write what deploys nodes into this folder.", show_default="none"),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing where all is well.")] = False,
) -> None:
    """Make a wheel to deploy: what `generate` emits, proved as there, with a command that runs a node."""
    from oneleader.bundle import Request, run

    run(Request(spec, out, name, version, with_deployment, quiet))


@app.command()
def demo(
    spec: Annotated[Path | None, typer.Argument(metavar="SPEC", help="A spec.", show_default="Raft's election")] = None,
    nodes: Annotated[
        int, typer.Option(metavar="N", help="How many, of each kind that there may be more of: 3 or 5.")
    ] = 3,
    seconds: Annotated[
        float | None, typer.Option(metavar="N", help="For so long.", show_default="until it is stopped")
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Print what happens, a line each; no keys.")] = False,
    script: Annotated[
        str, typer.Option(metavar="STEPS", help="Do this: 'kill leader; wait; restart all'.", show_default="nothing")
    ] = "",
) -> None:
    """Run a cluster of real nodes on this machine, watch who leads, and kill, pause and cut off nodes."""
    from oneleader.demo import Request, run

    run(Request(spec, nodes, seconds, plain, script))


@app.command()
def simulate(
    spec: Spec,
    within: Within = None,
    runs: Annotated[int, typer.Option(metavar="N", help="How many runs, each with a seed of its own.")] = 100,
    seconds: Annotated[float, typer.Option(metavar="N", help="How long a run is, in simulated time.")] = 10.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the first run; of the next ones, those that follow.")] = 1,
    faults: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="kill, power, full, wipe, pause, cut, partition; lie: disks forget what they say they have stored.",
            show_default="what the spec allows for",
        ),
    ] = None,
    every: Annotated[str, typer.Option(metavar="TIME", help="How far apart faults are, on average.")] = "200 ms",
    lasting: Annotated[str, typer.Option(metavar="TIME", help="How long a fault lasts, on average.")] = "300 ms",
    asks: Annotated[
        str, typer.Option(metavar="TIME", help="How far apart what services ask for is, on average.")
    ] = "50 ms",
    delay: Annotated[str, typer.Option(metavar="TIMES", help="How long a message takes.")] = "0.5 ms .. 1 ms",
    loss: Annotated[
        float | None, typer.Option(help="How often one is lost, 0 to 1.", show_default="0.02, where the spec has loss")
    ] = None,
    duplication: Annotated[
        float | None,
        typer.Option(help="How often one arrives twice, 0 to 1.", show_default="0.02, where the spec has duplication"),
    ] = None,
    late: Annotated[float, typer.Option(help="How often one takes up to a second, 0 to 1.")] = 0.02,
    store: Store = "0 ms .. 2 ms",
    drift: Annotated[float, typer.Option(help="Clocks run faster or slower than time by up to this part.")] = 0.0,
    timer: Timers = None,
    jobs: Jobs = None,
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save what went wrong, for `replay`.", show_default="none")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON (docs/simulate.schema.json).")] = False,
    progress: Annotated[
        bool | None, typer.Option(help="Tell how many runs are done.", show_default="on a terminal")
    ] = None,
) -> None:
    """Run emitted nodes in a simulated world with faults, each step of the cluster held against the model."""
    from oneleader import simulate as command

    request = command.Request(
        spec=spec,
        within=within,
        runs=runs,
        seconds=seconds,
        seed=seed,
        faults=faults,
        every=every,
        lasting=lasting,
        asks=asks,
        delay=delay,
        loss=loss,
        duplication=duplication,
        late=late,
        store=store,
        drift=drift,
        timers=tuple(timer or ()),
        jobs=jobs,
        trace=trace,
        as_json=json,
        progress=progress,
    )
    command.run(request)


@app.command()
def compare(
    spec: Spec,
    nodes: Annotated[str, typer.Option(metavar="SIZES", help="The sizes, from 2 to 9.")] = "3,4,5",
    bounds: Annotated[
        str | None,
        typer.Option(
            metavar="BOUNDS", help="Explore within these: 'term <= 2'.", show_default="those of the spec's first check"
        ),
    ] = None,
    delay: Annotated[
        str, typer.Option(metavar="TIMES", help="How long a message takes: a distribution.")
    ] = "0.5 ms .. 1 ms",
    round_trips: RoundTrips = None,
    store: Store = "0 ms .. 2 ms",
    loss: Annotated[float, typer.Option(help="How often a message is lost, 0 to 1.")] = 0.0,
    timer: Timers = None,
    availability: Annotated[float, typer.Option(help="For which part of the time each process is up.")] = 0.99,
    trials: Annotated[int, typer.Option(metavar="N", help="How many crashes of a leader are simulated.")] = 1000,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the first trial; of the next ones, those after it.")] = 1,
    samples: Annotated[int, typer.Option(metavar="N", help="How many writes are drawn.")] = 20000,
    time: Annotated[float, typer.Option(help="At most so many seconds for each of a size's explorations.")] = 15.0,
    prove: Annotated[bool, typer.Option("--prove", help="Prove each size, without bounds, too.")] = False,
    jobs: Jobs = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON (docs/compare.schema.json).")] = False,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a line for each size to this file.", show_default="none"),
    ] = None,
    plot: Plot = None,
    progress: Annotated[
        bool | None, typer.Option(help="Tell what is being done.", show_default="on a terminal")
    ] = None,
) -> None:
    """Compare cluster sizes: what each survives, what it costs, and how soon it elects; all computed or measured.

    Exit status: 0 done, 1 the check of a size is violated, 2 bad input, 3 something is not known."""
    from oneleader import compare as command

    request = command.Request(
        spec=spec,
        nodes=nodes,
        bounds=bounds,
        delay=delay,
        round_trips=round_trips,
        store=store,
        loss=loss,
        timers=tuple(timer or ()),
        availability=availability,
        trials=trials,
        seed=seed,
        samples=samples,
        seconds=time,
        prove=prove,
        jobs=jobs,
        as_json=json,
        csv=csv,
        plot=plot,
        progress=progress,
    )
    command.run(request)


@app.command()
def tune(
    spec: Spec,
    within: Within = None,
    delay: Annotated[
        str,
        typer.Option(metavar="TIMES", help="How long a message takes; also 'exponential 2 ms from 1 ms'."),
    ] = "0.5 ms .. 1 ms",
    round_trips: RoundTrips = None,
    loss: Annotated[
        float | None, typer.Option(help="How often one is lost, 0 to 1.", show_default="0.001, where the spec has loss")
    ] = None,
    duplication: Annotated[float, typer.Option(help="How often one arrives twice, 0 to 1.")] = 0.0,
    store: Store = "0 ms .. 2 ms",
    pauses: Annotated[
        str, typer.Option(metavar="TIMES", help="How long and how often each process stands still; or none.")
    ] = "exponential 50 ms every 10 min",
    crash_is_seen: Annotated[
        bool, typer.Option("--crash-is-seen", help="A process dies and its host lives on: its connections break.")
    ] = False,
    election_timer: Annotated[
        str | None, typer.Option(metavar="NAME", help="The timer that elects.", show_default="found in the spec")
    ] = None,
    heartbeat_timer: Annotated[
        str | None, typer.Option(metavar="NAME", help="The heartbeat; or none.", show_default="found in the spec")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Try these: '150 ms, 300 ms'.", show_default="by what messages take"),
    ] = None,
    spread: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="How wide the range is.", show_default="a quarter, half, all of the start"),
    ] = None,
    heartbeat: Annotated[
        str | None, typer.Option(metavar="LIST", help="Try these.", show_default="1/2, 1/3, 1/5, 1/10 of the start")
    ] = None,
    false_elections: Annotated[
        float, typer.Option(metavar="N", help="So many elections a day without a crash are acceptable.")
    ] = 0.03,
    seed: Annotated[
        int, typer.Option(metavar="N", help="The same one gives the same figures, on any number of cores.")
    ] = 1,
    jobs: Jobs = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON (docs/tune.schema.json).")] = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all settings to this file.", show_default="none")
    ] = None,
    plot: Plot = None,
    progress: Annotated[bool | None, typer.Option(help="Show a bar.", show_default="on a terminal")] = None,
) -> None:
    """Find timeouts for your network: emitted nodes simulated, failover against elections for no reason."""
    from oneleader import tune as command

    request = command.Request(
        spec=spec,
        within=within,
        delay=delay,
        round_trips=round_trips,
        loss=loss,
        duplication=duplication,
        store=store,
        pauses=pauses,
        crash_is_seen=crash_is_seen,
        election_timer=election_timer,
        heartbeat_timer=heartbeat_timer,
        start=start,
        spread=spread,
        heartbeat=heartbeat,
        false_elections=false_elections,
        seed=seed,
        jobs=jobs,
        as_json=json,
        csv=csv,
        plot=plot,
        progress=progress,
    )
    command.run(request)


@app.command()
def prove(
    spec: Spec,
    sizes: Annotated[str, typer.Option(metavar="SIZES", help="For how many processes: numbers, `any`.")] = "3,4,5,any",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write a certificate, in the place of an older one.", show_default="none"),
    ] = None,
    search: Annotated[bool, typer.Option(help="Look for an invariant; or take the spec's own clauses alone.")] = True,
    network: Annotated[str | None, typer.Option(metavar="WORDS", help="Instead of the spec's.")] = None,
    faults: Annotated[str | None, typer.Option(metavar="WORDS", help="Instead of the spec's.")] = None,
    time: Annotated[float, typer.Option(help="At most this many seconds for each question to the solver.")] = 10.0,
    json: Annotated[bool, typer.Option("--json", help="The verdict as JSON (docs/proof.schema.json).")] = False,
    invariant: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the clauses that are found to this file, ready to paste.")
    ] = None,
    keep_cnf: Annotated[bool, typer.Option("--keep-cnf", help="Keep the clauses in the certificate, too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not tell how far it is.")] = False,
) -> None:
    """Prove a spec with no bound on numbers, steps or messages, for fixed and for any number of processes."""
    from oneleader import prove as command

    request = command.Request(spec, sizes, out, search, network, faults, time, json, invariant, keep_cnf, quiet)
    command.run(request)


@app.command()
def recheck(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A certificate written by `prove --out`.", show_default=False)
    ],
    spec: Annotated[
        Path | None, typer.Argument(metavar="SPEC", help="The spec that it has to be about.", show_default="any")
    ] = None,
    time: Annotated[float, typer.Option(help="At most this many seconds for each question to the solver.")] = 30.0,
    with_proofs: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write cvc5's own proofs there.", show_default="none")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The verdict as JSON (docs/recheck.schema.json).")] = False,
) -> None:
    """Check a certificate anew: hashes, obligations rebuilt from the spec, cvc5, and our own refutation checker."""
    from oneleader import recheck as command

    command.run(folder, spec, time, with_proofs, json)


def main() -> None:
    """Run the command line; Ctrl-C and a closed pipe end it quietly."""
    if isinstance(sys.stdout, TextIOWrapper):
        # What a spec says may not be writable in the terminal's encoding; that is no reason to stop.
        sys.stdout.reconfigure(errors="replace")
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as problem:
        if problem.name != "jinja2":
            raise
        # Of an installation without the extra; solvers and formatter are missed only where they are used.
        typer.echo("oneleader: jinja2 is not installed, and this needs it: pip install 'oneleader[generate]'", err=True)
        sys.exit(3)
    except BrokenPipeError:
        # Whoever read our output has had enough; what is still buffered has nowhere to go.
        sys.stdout = None
        sys.exit(0)


if __name__ == "__main__":
    main()

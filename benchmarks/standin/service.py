"""A real service with workers that have no engine: python service.py serve --config CONFIG.

OCRSPOOL_BENCH_RECORDED names what they give out. OCRSPOOL_BENCH_ASSEMBLERS is how many processes assemble documents, as
where a GPU reads; 0 or nothing: the service does, as where CPUs read.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ocrspool.config.current import CurrentConfig
from ocrspool.pipeline.assembler import Assembler, InProcess
from ocrspool.pipeline.assembling.pool import AssemblerPool
from ocrspool.processes.child import Child
from ocrspool.processes.starting import Start
from ocrspool.recognition.api import PageRecognizer
from ocrspool.recognition.client import WorkerClient
from ocrspool.recognition.pool import WorkerPool
from ocrspool.recognition.protocol import about_engine
from ocrspool.recognition.worker import OnStage, Worker
from ocrspool.service.daemon import Service
from ocrspool.service.first_steps import FirstSteps
from ocrspool.service.parts import Parts


def main() -> None:
    assemblers = int(os.environ.get("OCRSPOOL_BENCH_ASSEMBLERS") or 0)

    def recognizer(live: CurrentConfig, on_stage: OnStage, start: Start) -> PageRecognizer:
        def process() -> Child:
            child = Child(str(Path(__file__).with_name("worker.py")), os.environ, options=(), start=start)
            child.tell(about_engine("load", live.config, "cpu"))
            return child

        def launch(on_stage: OnStage) -> Worker:
            client = WorkerClient("stand-in", on_stage, process)
            client.reads_texts = not assemblers
            return client

        return WorkerPool(live, on_stage, launch)

    def assembler(live: CurrentConfig, start: Start) -> Assembler:
        return AssemblerPool(assemblers, live, start) if assemblers else InProcess()

    first = FirstSteps(Path(sys.argv[-1]), parts=Parts(recognizer=recognizer, assembler=assembler))
    first.start_workers()
    Service(first).run()


if __name__ == "__main__":
    main()

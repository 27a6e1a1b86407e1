#!/usr/bin/env node
import { processEffects, runProgram } from "../rsp-server/process-effects.ts";
import { simSmdsProgram } from "./program.ts";

await runProgram(simSmdsProgram(processEffects("sim-smds")), process.argv);

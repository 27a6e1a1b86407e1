#!/usr/bin/env node
import { processEffects, runProgram } from "../rsp-server/process-effects.ts";
import { simSmdpProgram } from "./program.ts";

await runProgram(simSmdpProgram(processEffects("sim-smdp")), process.argv);

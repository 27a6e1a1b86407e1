import { describe, expect, test } from "vitest";
import { hex } from "../util/bytes.ts";
import { EsimError } from "../util/errors.ts";
import { isSecretName, memoryLogger } from "./logger.ts";
import { pinoLogger } from "./pino-logger.ts";

describe("logger", () => {
	test("masks keys of the SIM and passwords at any depth", () => {
		const { logger, entries } = memoryLogger();
		logger("hss").info("subscriber loaded", { iccid: "8949", Ki: hex`0011`, nested: { opc: "AA", api_key: "x" } });
		expect(entries[0]).toEqual({
			level: "info",
			component: "hss",
			phrase: "subscriber loaded",
			facts: { iccid: "8949", Ki: "***", nested: { opc: "***", api_key: "***" } },
		});
		expect(isSecretName("clientSecret")).toBe(true);
		expect(isSecretName("pinned")).toBe(false);
	});

	test("prints octets as hex, errors with code and cause, and leaves undefined out", () => {
		const { logger, entries } = memoryLogger();
		const cause = new EsimError("UTIL_HEX_INVALID", "odd");
		const error = new EsimError("AREA_REASON", "outer", { cause, context: { eid: "89" } });
		logger("x").with({ device: 1 }).warn("failed", { error, apdu: hex`00A4`, none: undefined });
		expect(entries[0]?.facts).toEqual({
			device: 1,
			apdu: "00A4",
			error: {
				name: "EsimError",
				code: "AREA_REASON",
				message: "outer",
				context: { eid: "89" },
				cause: { name: "EsimError", code: "UTIL_HEX_INVALID", message: "odd" },
			},
		});
	});

	test("pino writes one JSON line with level, component and phrase, and nothing below the level", () => {
		const lines: string[] = [];
		const logger = pinoLogger({ level: "info", program: "eim", destination: { write: (line) => lines.push(line) } });
		logger("eim.esipa").debug("not shown");
		logger("eim.esipa").info("package sent", { counter: 7, token: "t" });
		expect(lines).toHaveLength(1);
		expect(JSON.parse(lines[0] ?? "")).toMatchObject({
			level: "info",
			program: "eim",
			component: "eim.esipa",
			phrase: "package sent",
			counter: 7,
			token: "***",
		});
	});
});

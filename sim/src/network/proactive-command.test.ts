import { hex, toHex } from "@iot-esim/shared/util/bytes";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NetworkError } from "./errors.ts";
import { durationTlv, GeneralResult, parseProactiveCommand, terminalResponse } from "./proactive-command.ts";

/** POLL INTERVAL of a real USIM and what a real terminal answered, from a trace of their contacts in a public repository. */
const POLL_INTERVAL = hex`D00D 8103010300 82028182 8402011E`;
const POLL_INTERVAL_RESPONSE = "8103010300020282818301000402011E";

describe("proactive commands", () => {
	test("REFRESH of a profile switch is read, and answered as performed", () => {
		const command = parseProactiveCommand(hex`D009 8103010104 82028182`);
		expect(command).toMatchObject({ type: 1, qualifier: 4 });
		expect(toHex(terminalResponse(command, GeneralResult.performed))).toBe("810301010402028281830100");
	});

	test("POLL INTERVAL is answered as a real terminal did", () => {
		const command = parseProactiveCommand(POLL_INTERVAL);
		expect(command).toMatchObject({ type: 3, duration: 30_000 });
		expect(toHex(terminalResponse(command, GeneralResult.performed, durationTlv(30)))).toBe(POLL_INTERVAL_RESPONSE);
	});

	test("tags without the comprehension bit and lengths of two octets are read too", () => {
		const command = parseProactiveCommand(hex`D0810B 0103020500 02028182 9900`);
		expect(command).toMatchObject({ type: 5, qualifier: 0 });
		expect(toHex(command.details)).toBe("0103020500");
	});

	test("every cut and every change ends in a command or in a typed error", () => {
		const original = POLL_INTERVAL;
		for (let length = 0; length < original.length; length++) {
			expect(() => parseProactiveCommand(original.subarray(0, length))).toThrow(NetworkError);
		}
		fc.assert(
			fc.property(fc.nat(original.length - 1), fc.nat(255), (at, octet) => {
				const changed = original.slice();
				changed[at] = octet;
				try {
					parseProactiveCommand(changed);
				} catch (error) {
					expect(error).toBeInstanceOf(NetworkError);
				}
			}),
		);
	});
});

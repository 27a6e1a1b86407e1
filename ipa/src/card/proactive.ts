import { findTlv, readTlv, readTlvs, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { concatBytes, fromHex, toHex } from "@iot-esim/shared/util/bytes";
import { exchange, hasProactiveCommand, isSuccess, type Transmit } from "./apdu.ts";

/** A card that keeps asking would hold the agent for ever. */
const MOST_COMMANDS = 16;

const STATUS = { cla: 0x80, ins: 0xf2, p1: 0, p2: 0, le: 256 };
const PROACTIVE_COMMAND = 0xd0;
const COMMAND_DETAILS = [0x81, 0x01];
const COMMAND_TYPES: Readonly<Record<number, string>> = { 1: "REFRESH", 3: "POLL INTERVAL", 5: "SET UP EVENT LIST" };

/**
 * On a bare card nobody else serves proactive commands: fetches each and answers "performed" (ETSI TS 102 223 §6.8),
 * so that the card may carry out its REFRESH.
 */
export async function drainProactiveCommands(transmit: Transmit, logger: Logger): Promise<void> {
	let status = (await exchange(transmit, STATUS, 0)).status;
	for (let served = 0; hasProactiveCommand(status) && served < MOST_COMMANDS; served++) {
		const fetched = await exchange(transmit, { cla: 0x80, ins: 0x12, p1: 0, p2: 0, le: status & 0xff || 256 }, 0);
		if (!isSuccess(fetched.status)) return;
		const details = commandDetails(fetched.data);
		if (details === undefined) {
			logger.warn("proactive command not understood", { commandHex: toHex(fetched.data) });
			return;
		}
		logger.info("proactive command served", { type: COMMAND_TYPES[details[1] as number] ?? String(details[1]) });
		const data = concatBytes(fromHex("8103"), details, fromHex("82028281 830100"));
		status = (await exchange(transmit, { cla: 0x80, ins: 0x14, p1: 0, p2: 0, data }, 0)).status;
	}
}

/** Number, type and qualifier of a proactive command. */
function commandDetails(command: Uint8Array): Uint8Array | undefined {
	if (command.length === 0) return undefined;
	const outer = readTlv(command, 0);
	if (outer.tag !== PROACTIVE_COMMAND) return undefined;
	const tlvs = readTlvs(command, outer.valueStart, outer.end);
	const details = COMMAND_DETAILS.map((tag) => findTlv(tlvs, tag)).find((tlv) => tlv !== undefined);
	return details === undefined ? undefined : tlvValue(command, details);
}

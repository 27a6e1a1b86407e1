import { type Clock, sleep } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { concatBytes, fromHex } from "@iot-esim/shared/util/bytes";
import { Days, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import type { WakeUpBySms } from "../domain/wake-up.ts";
import type { Store } from "../storage/store.ts";
import { receiptIn } from "./delivery-receipt.ts";
import type { Pdu } from "./smpp-session.ts";
import type { Waker } from "./waker.ts";

/** The part of the link to an SMSC that this needs. */
export interface ShortMessageCentre {
	submit(fields: Readonly<Record<string, unknown>>): Promise<string>;
}

export interface SmsOptions {
	readonly smsc: ShortMessageCentre;
	/** From whom messages come: a number, a short code or a name; the SMSC's own choice when empty. */
	readonly source: string;
	/** What stands in messages to devices that want nothing else, hex. */
	readonly payload: string;
}

const OCTETS = 0x04;
const HAS_USER_DATA_HEADER = 0x40;
const FINAL_RECEIPT = 0x01;
/** SMSCs keep messages for some days at most. */
const LONGEST_VALIDITY = Days(7);

/**
 * Wakes devices by a short message of octets. The SMSC keeps it until the device is reached or nothing waits any more, and
 * a later one to the same device replaces it.
 */
export function smsWaker({ smsc, source, payload: usual }: SmsOptions): Waker<WakeUpBySms> {
	return {
		check: () => undefined,
		async wake({ msisdn, port, payload = usual }, { at, until }) {
			const header = port === undefined ? new Uint8Array(0) : portHeader(port);
			const reference = await smsc.submit({
				...addressOf("source", source),
				dest_addr_ton: INTERNATIONAL,
				dest_addr_npi: TELEPHONE,
				destination_addr: msisdn,
				esm_class: port === undefined ? 0 : HAS_USER_DATA_HEADER,
				data_coding: OCTETS,
				registered_delivery: FINAL_RECEIPT,
				replace_if_present_flag: 1,
				validity_period: relativeTime(Math.min(Math.max(until - at, Minutes(1)), LONGEST_VALIDITY)),
				short_message: Buffer.from(concatBytes(header, fromHex(payload))),
			});
			return reference === "" ? {} : { reference };
		},
	};
}

const INTERNATIONAL = 1;
const ALPHANUMERIC = 5;
const TELEPHONE = 1;

function addressOf(whose: "source", text: string): Readonly<Record<string, unknown>> {
	const digits = /^\+?(\d+)$/.exec(text)?.[1];
	// A short code is a number of no known kind.
	const ton = digits === undefined ? (text === "" ? 0 : ALPHANUMERIC) : digits.length > 6 ? INTERNATIONAL : 0;
	const npi = digits === undefined ? 0 : TELEPHONE;
	return { [`${whose}_addr_ton`]: ton, [`${whose}_addr_npi`]: npi, [`${whose}_addr`]: digits ?? text };
}

/** Application port addressing, 16 bits (3GPP TS 23.040 section 9.2.3.24.4); the same port answers. */
function portHeader(port: number): Uint8Array {
	return Uint8Array.of(0x06, 0x05, 0x04, port >> 8, port & 0xff, port >> 8, port & 0xff);
}

/** The relative format of SMPP 3.4 section 7.1.1.2: YYMMDDhhmmss000R. */
function relativeTime(milliseconds: number): string {
	const seconds = Math.floor(milliseconds / 1000);
	const parts = [0, 0, Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
	return `${[...parts, seconds % 60].map((part) => String(part).padStart(2, "0")).join("")}000R`;
}

/** A receipt may overtake the answer to its message: it is looked for once more after this time. */
const SECOND_LOOK = Seconds(2);
/**
 * Of messages that another replica may be sending so many are looked for once more at once: others may use the account too,
 * and an SMSC brings nothing while about ten receipts wait for their acknowledgement.
 */
const MAX_OF_OTHERS = 4;

/**
 * Takes delivery receipts to the wake-ups that they are of, and resolves when they are stored there or belong to none;
 * messages of devices are not for the eIM. `maySoonBeKnown` says that a message of this process is on its way to the SMSC, or
 * was lately.
 */
export function receiptTaker(
	store: Pick<Store, "noteWakeUpReceipt">,
	clock: Clock,
	log: Logger,
): (pdu: Pdu, maySoonBeKnown: boolean) => Promise<void> {
	let waiting = 0;
	return async (pdu, maySoonBeKnown) => {
		const receipt = receiptIn(pdu);
		if (receipt === undefined) {
			log.info("short message of a device dropped", { from: pdu.source_addr });
			return;
		}
		const { id, otherForms, state, error } = receipt;
		const note = (ids: readonly string[]) => store.noteWakeUpReceipt("sms", ids, { state, error, at: clock.now() });
		const take = async () => (await note([id])) ?? (otherForms.length > 0 ? note(otherForms) : undefined);
		if ((await take()) !== undefined) return;
		if (maySoonBeKnown || waiting < MAX_OF_OTHERS) {
			waiting++;
			await sleep(clock, SECOND_LOOK);
			waiting--;
			if ((await take()) !== undefined) return;
		}
		log.info("delivery receipt of no wake-up", { reference: id });
	};
}

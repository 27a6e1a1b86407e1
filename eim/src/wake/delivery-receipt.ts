import type { Pdu } from "./smpp-session.ts";

export interface DeliveryReceipt {
	/** The message as the receipt names it. */
	readonly id: string;
	/** Other forms in which the answer to submit_sm may have named it. */
	readonly otherForms: readonly string[];
	readonly state: "delivered" | "undelivered";
	/** What became of a message that was not delivered. */
	readonly error?: string;
}

const MESSAGE_TYPE = 0x3c;
const RECEIPT = 0x04;
const DELIVERED = 2;
/** message_state of SMPP 3.4 section 5.2.28, as the text of receipts (appendix B) calls them. */
const STATES: Readonly<Record<number, string>> = {
	2: "DELIVRD",
	3: "EXPIRED",
	4: "DELETED",
	5: "UNDELIV",
	6: "ACCEPTD",
	7: "UNKNOWN",
	8: "REJECTD",
};

/** The final receipt in a deliver_sm; undefined for a message of a device, and for a word in between. */
export function receiptIn(pdu: Pdu): DeliveryReceipt | undefined {
	const { esm_class: kind, receipted_message_id: given, message_state: told } = pdu;
	if (typeof kind !== "number" || (kind & MESSAGE_TYPE) !== RECEIPT) return undefined;
	const text = textOf(pdu.short_message) || textOf(pdu.message_payload);
	const id = typeof given === "string" && given !== "" ? given : /\bid:\s*(\S+)/i.exec(text)?.[1];
	const stated = typeof told === "number" ? STATES[told] : /\bstat:\s*(\w+)/i.exec(text)?.[1]?.toUpperCase();
	if (id === undefined || stated === undefined || stated === "ACCEPTD" || stated === "ENROUTE") return undefined;
	const message = { id, otherForms: otherFormsOf(id) };
	if (stated === STATES[DELIVERED]) return { ...message, state: "delivered" };
	const code = /\berr:\s*(\w+)/i.exec(text)?.[1];
	return { ...message, state: "undelivered", error: code === undefined ? stated : `${stated}, error ${code}` };
}

/** The library gives text, octets, or either beside a user data header. */
function textOf(message: unknown): string {
	if (typeof message === "string") return message;
	if (message instanceof Uint8Array) return new TextDecoder("latin1").decode(message);
	if (typeof message === "object" && message !== null && "message" in message) return textOf(message.message);
	return "";
}

/** Some SMSCs name a message in hex where they take it and in decimal digits in its receipt, or the other way about. */
function otherFormsOf(id: string): readonly string[] {
	const forms = new Set<string>();
	if (/^\d{1,20}$/.test(id)) {
		const hex = BigInt(id).toString(16);
		for (const form of [hex, hex.toUpperCase(), hex.padStart(8, "0"), hex.toUpperCase().padStart(8, "0")])
			forms.add(form);
	}
	if (/^[0-9a-fA-F]{1,16}$/.test(id)) forms.add(BigInt(`0x${id}`).toString());
	forms.delete(id);
	return [...forms];
}

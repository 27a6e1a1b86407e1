import { utf8 } from "../../util/bytes.ts";

/** What MQTT has no status for: why there is no ESipa message in the answer. */
export interface MqttRefusal {
	/** As the status of HTTP: 4xx when the request is at fault, 5xx when it may be tried again. */
	readonly status: number;
	readonly text: string;
}

/** No ESipa message begins with this octet. */
const MARK = 0;
const LONGEST_TEXT = 200;

/** 00, one octet with class and detail of the status as in CoAP (404 is 4.04, 0x84), text in UTF-8. */
export function encodeRefusal({ status, text }: MqttRefusal): Uint8Array {
	const code = (Math.floor(status / 100) << 5) | Math.min(status % 100, 31);
	return Uint8Array.of(MARK, code, ...utf8(text.slice(0, LONGEST_TEXT)));
}

/** Undefined for what is no refusal: an ESipa message, or nothing at all. */
export function decodeRefusal(payload: Uint8Array): MqttRefusal | undefined {
	const [mark, code = 0xa0] = payload;
	if (mark !== MARK) return undefined;
	return { status: (code >> 5) * 100 + (code & 31), text: new TextDecoder().decode(payload.subarray(2)) };
}

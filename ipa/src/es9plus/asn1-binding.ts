import { readWholeTlv, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { invalidAnswer } from "./errors.ts";
import type { Es9PlusLink } from "./es9plus-link.ts";
import type { Post } from "./http.ts";

const PATH = "/gsma/rsp2/asn1";
const MEDIA_TYPE = "application/x-gsma-rsp-asn1";
const REMOTE_PROFILE_PROVISIONING = 0xa2;

/** ES9+ and ES11 in ASN.1 (SGP.22 §6.6): every message under the tag A2, answers with or without it. */
export function asn1Binding(post: Post, close: () => void = () => undefined): Es9PlusLink {
	return {
		async exchange(address, message, signal) {
			const body = tlv(REMOTE_PROFILE_PROVISIONING, message);
			const answer = await post(address, PATH, MEDIA_TYPE, body, signal);
			return { ok: answer.length === 0 ? answer : unwrapped(answer) };
		},
		close,
	};
}

function unwrapped(answer: Uint8Array): Uint8Array {
	try {
		const whole = readWholeTlv(answer);
		return whole.tag === REMOTE_PROFILE_PROVISIONING ? tlvValue(answer, whole) : answer;
	} catch (cause) {
		throw invalidAnswer("cannot be read as ASN.1", cause);
	}
}

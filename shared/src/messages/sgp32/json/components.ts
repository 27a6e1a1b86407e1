import { readTlvs, readWholeTlv, tlvBytes } from "../../../asn1/tlv-reader.ts";
import { type JsonObject, type Member, valueIn } from "./member-form.ts";

/**
 * The members of JSON for the components inside a TLV. Components that no member stands for are left out: JSON has no
 * place for them.
 * @throws Asn1Error
 */
export function componentsToJson(message: Uint8Array, members: readonly Member[]): Record<string, unknown> {
	const whole = readWholeTlv(message);
	const json: Record<string, unknown> = {};
	let next = 0;
	for (const component of readTlvs(message, whole.valueStart, whole.end)) {
		const at = members.findIndex(({ tags }, i) => i >= next && (tags.length === 0 || tags.includes(component.tag)));
		const member = members[at];
		if (member === undefined) continue;
		json[member.name] = member.form.toJson(tlvBytes(message, component));
		next = at + 1;
	}
	return json;
}

/** The components that members of JSON stand for, in the order of the module. @throws EsipaJsonError */
export function componentsFromJson(json: JsonObject, members: readonly Member[]): Uint8Array[] {
	return members.flatMap((member) => {
		const value = valueIn(json, member);
		return value === undefined ? [] : [member.form.fromJson(value, member)];
	});
}

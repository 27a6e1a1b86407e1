import { X509Certificate } from "node:crypto";
import { Eid } from "@iot-esim/shared/ids/eid";
import type { ProvenPeer } from "@iot-esim/shared/transport/datagram";

/**
 * Names under which a device may register with what it has proven (LwM2M Transport sections 5.2.8.1 and 5.2.8.3): the
 * identity of its pre-shared key, or what its certificate is issued for (CN, DNS and URI names).
 */
export function provenNames({ pskIdentity, certificate }: ProvenPeer): readonly string[] {
	if (pskIdentity !== undefined) return [pskIdentity];
	if (certificate === undefined) return [];
	const { subject, subjectAltName } = new X509Certificate(certificate);
	// Attributes of one RDN stand on one line; a plus or a line's end in a name is escaped.
	const commonNames = (subject ?? "").split(/\n| \+ /).flatMap((one) => /^CN=(.+)$/.exec(one)?.[1] ?? []);
	// Node puts a name into quotes where it could be taken for several.
	const alternatives = (subjectAltName ?? "")
		.split(", ")
		.flatMap((one) => /^(?:DNS|URI):([^"]+)$/.exec(one)?.[1] ?? []);
	return [...commonNames, ...alternatives];
}

/** The EID that a name ends with: alone, or as the last part of a URN (urn:dev:ops:..., urn:eid:...). */
export function eidInName(name: string): Eid | undefined {
	const digits = eidDigits(name);
	return digits !== undefined && Eid.is(digits) ? digits : undefined;
}

/** A name ends as if with an EID, which is none by its check digits: a slip, and no name of a gateway. */
export function hasMistypedEid(name: string): boolean {
	const digits = eidDigits(name);
	return digits !== undefined && !Eid.is(digits);
}

function eidDigits(name: string): string | undefined {
	return /(?:^|[:-])(\d{32})$/.exec(name)?.[1];
}

/** Whether the key or certificate of a device lets it register under this name, which is known to stand for this EID. */
export function isOwnName(names: readonly string[], endpoint: string, eid: Eid): boolean {
	return names.some((name) => name === endpoint || eidInName(name) === eid);
}

import type { KeyObject } from "node:crypto";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { generateKeyPair, type KeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { Eid } from "@iot-esim/shared/ids/eid";
import type { Issuer, SerialSource, Validity } from "@iot-esim/shared/pki/issue";
import {
	type EidConstraint,
	issueCi,
	issueEimSigning,
	issueEuicc,
	issueEum,
	issueServer,
	issueTlsCa,
	issueTlsServer,
} from "@iot-esim/shared/pki/issue-roles";
import { Days } from "@iot-esim/shared/util/duration";

/** A certificate in DER with its private key. */
export interface Credential {
	readonly certificate: Uint8Array;
	readonly privateKey: KeyObject;
}

/** The members of a test PKI besides its eUICCs, named as their files. */
export const pkiMembers = {
	ci: "ci",
	eum: "eum",
	dpAuth: "dp-auth",
	dpPb: "dp-pb",
	dpTls: "dp-tls",
	dsAuth: "ds-auth",
	dsTls: "ds-tls",
	eimSign: "eim-sign",
	tlsCa: "tls-ca",
	eimTls: "eim-tls",
} as const;

export type PkiMember = keyof typeof pkiMembers;

/** Everything that one curve's test environment needs. */
export interface TestPki extends Readonly<Record<PkiMember, Credential>> {
	readonly curve: Curve;
	/** The card of `eid`; further ones by `addEuicc`. */
	readonly euicc: Credential;
	readonly eid: Eid;
}

/** DNS names in the TLS certificates. */
export interface PkiHosts {
	readonly dp: readonly string[];
	readonly ds: readonly string[];
	readonly eim: readonly string[];
}

/** Names of RFC 2606 that no one owns; each part's `hosts` map leads them to a machine. */
export const defaultHosts: PkiHosts = {
	dp: ["smdp.example.com", "localhost"],
	ds: ["smds.example.com", "localhost"],
	eim: ["eim.example.com", "localhost"],
};

/** The EIDs of SGP.26 begin with these digits. */
export const TEST_EIN = "89049032";

/** The card of a test PKI when no EID is asked for. */
export const defaultEid = Eid.withCheckDigits(`${TEST_EIN}0000000000000000000001`);

/** Object identifiers below 2.999, which is kept for examples (as in SGP.26). */
const registered = { ci: "2.999.1", eum: "2.999.5", dp: "2.999.10", ds: "2.999.15" } as const;

export interface TestPkiOptions {
	readonly curve: Curve;
	/** Serial numbers come from here; keys always from the operating system. */
	readonly random: SerialSource;
	/** Milliseconds since 1970; certificates are valid from a day before on. */
	readonly now: number;
	readonly hosts?: Partial<PkiHosts>;
	readonly eid?: string;
	/** Beginnings of the EIDs that the EUM may issue; the first 8 digits of `eid` when absent. */
	readonly eins?: readonly string[];
	readonly eidConstraint?: EidConstraint;
	/** A name in the subjects, to tell test environments apart. */
	readonly name?: string;
}

/** Makes a whole chain: CI, EUM, one eUICC, SM-DP+, SM-DS, eIM, and a plain CA for the eIM's TLS. */
export function makeTestPki(options: TestPkiOptions): TestPki {
	const { curve, random, now } = options;
	const hosts = { ...defaultHosts, ...options.hosts };
	const eid = Eid(options.eid ?? defaultEid);
	const organization = options.name ?? "IoT eSIM Test";
	const until = (years: number) => ({ random, validity: validity(now, years) });
	const ci = credential(curve, (keyPair) =>
		issueCi({ ...until(35), keyPair, subject: { commonName: "Test CI", organization }, registeredId: registered.ci }),
	);
	const eum = credential(curve, ({ publicKey }) =>
		issueEum({
			...until(34),
			issuer: ci,
			publicKey,
			subject: { country: "ES", organization: `${organization} EUM`, commonName: "Test EUM" },
			eins: options.eins ?? [eid.slice(0, 8)],
			constraint: options.eidConstraint ?? "nameConstraints",
			registeredId: registered.eum,
		}),
	);
	const server = (role: "dp-auth" | "dp-pb" | "dp-tls" | "ds-auth" | "ds-tls"): Credential => {
		const side = role.startsWith("dp") ? "dp" : "ds";
		const commonName = side === "dp" ? "Test SM-DP+" : "Test SM-DS";
		return credential(curve, ({ publicKey }) =>
			issueServer({
				...until(role.endsWith("tls") ? 3 : 10),
				issuer: ci,
				publicKey,
				role,
				subject: { commonName: role.endsWith("tls") ? (hosts[side][0] ?? commonName) : commonName, organization },
				registeredId: registered[side],
				hosts: hosts[side],
			}),
		);
	};
	const eimName = hosts.eim[0] ?? "eIM";
	const tlsCa = credential(curve, (keyPair) =>
		issueTlsCa({ ...until(20), keyPair, subject: { commonName: "Test TLS CA", organization } }),
	);
	return {
		curve,
		eid,
		ci,
		eum,
		euicc: issueEuiccCredential({ curve, random, now, eum, eid }),
		dpAuth: server("dp-auth"),
		dpPb: server("dp-pb"),
		dpTls: server("dp-tls"),
		dsAuth: server("ds-auth"),
		dsTls: server("ds-tls"),
		eimSign: credential(curve, ({ publicKey }) =>
			issueEimSigning({ ...until(7), issuer: ci, publicKey, subject: { commonName: eimName, organization } }),
		),
		tlsCa,
		eimTls: credential(curve, ({ publicKey }) =>
			issueTlsServer({ ...until(3), issuer: tlsCa, publicKey, hosts: hosts.eim }),
		),
	};
}

/**
 * A fresh key and certificate for the card `eid`.
 * @throws IdError ID_EID_INVALID
 */
export function issueEuiccCredential(request: {
	readonly curve: Curve;
	readonly random: SerialSource;
	readonly now: number;
	readonly eum: Issuer;
	readonly eid: string;
}): Credential {
	const { curve, random, now, eum, eid } = request;
	return credential(curve, ({ publicKey }) =>
		issueEuicc({ random, validity: validity(now, 100), issuer: eum, publicKey, eid, commonName: "Test eUICC" }),
	);
}

function credential(curve: Curve, issue: (keyPair: KeyPair) => Uint8Array): Credential {
	const keyPair = generateKeyPair(curve);
	return { certificate: issue(keyPair), privateKey: keyPair.privateKey };
}

function validity(now: number, years: number): Validity {
	return { notBefore: now - Days(1), notAfter: now + Days(365 * years) };
}

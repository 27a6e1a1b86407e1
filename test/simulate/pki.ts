import type { KeyObject } from "node:crypto";
import { keyPairFrom } from "@iot-esim/shared/crypto/ecdsa";
import { Eid } from "@iot-esim/shared/ids/eid";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import type { ServerRole } from "@iot-esim/shared/pki/chain";
import { issueCi, issueEimSigning, issueEuicc, issueEum, issueServer } from "@iot-esim/shared/pki/issue-roles";
import { TrustStore } from "@iot-esim/shared/pki/trust-store";
import { Days } from "@iot-esim/shared/util/duration";
import { Draws } from "./draws.ts";

export interface Credential {
	readonly certificate: Uint8Array;
	readonly privateKey: KeyObject;
}

/** The chain that every run shares: making keys and certificates takes longer than a run. */
export interface SimulationPki {
	readonly ci: Credential;
	readonly trust: TrustStore;
	readonly eum: Credential;
	readonly euiccs: readonly (Credential & { readonly eid: Eid })[];
	readonly dpAuth: Credential;
	readonly dpPb: Credential;
	readonly dpTls: Credential;
	readonly dsAuth: Credential;
	readonly dsTls: Credential;
	readonly eimSign: Credential;
}

const EIN = "89049032";
const OID = { ci: "2.999.1", eum: "2.999.5", dp: "2.999.10", ds: "2.999.15" } as const;
/** ECDSA draws its own nonce, and the signature has 70, 71 or 72 octets by it. */
const SIGNATURE_HEAD = [0x03, 0x48, 0x00, 0x30, 0x45];

/**
 * Keys from a fixed seed. Certificates are made again until their signature has the most common length, so that two
 * processes send the same number of octets in the same number of APDUs.
 */
export function makeSimulationPki(now: number, devices: number): SimulationPki {
	const random = new Draws(0x51a1).stream("pki");
	const base = { random, validity: { notBefore: now - Days(3650), notAfter: now + Days(36500) } };
	const organization = "Simulation";
	const credential = (issue: (keys: ReturnType<typeof keyPairFrom>) => Uint8Array): Credential => {
		const keys = keyPairFrom("P-256", random);
		for (;;) {
			const certificate = issue(keys);
			const signature = certificate.subarray(-74);
			if (SIGNATURE_HEAD.every((octet, i) => signature[i] === octet))
				return { certificate, privateKey: keys.privateKey };
		}
	};
	const ci = credential((keyPair) =>
		issueCi({ ...base, keyPair, subject: { commonName: "CI", organization }, registeredId: OID.ci }),
	);
	const eum = credential(({ publicKey }) =>
		issueEum({
			...base,
			issuer: ci,
			publicKey,
			subject: { country: "ES", organization, commonName: "EUM" },
			eins: [EIN],
			registeredId: OID.eum,
		}),
	);
	const server = (role: ServerRole, side: "dp" | "ds", host: string) =>
		credential(({ publicKey }) =>
			issueServer({
				...base,
				issuer: ci,
				publicKey,
				role,
				subject: { commonName: host, organization },
				registeredId: OID[side],
				hosts: [host],
			}),
		);
	const euicc = (index: number) => {
		const eid = Eid.withCheckDigits(`${EIN}0000000000000000${String(index + 1).padStart(6, "0")}`);
		return {
			eid,
			...credential(({ publicKey }) => issueEuicc({ ...base, issuer: eum, publicKey, eid, commonName: "eUICC" })),
		};
	};
	return {
		ci,
		trust: TrustStore.of([parseCertificate(ci.certificate).der]),
		eum,
		euiccs: Array.from({ length: devices }, (_, index) => euicc(index)),
		dpAuth: server("dp-auth", "dp", "smdp.example.com"),
		dpPb: server("dp-pb", "dp", "smdp.example.com"),
		dpTls: server("dp-tls", "dp", "smdp.example.com"),
		dsAuth: server("ds-auth", "ds", "smds.example.com"),
		dsTls: server("ds-tls", "ds", "smds.example.com"),
		eimSign: credential(({ publicKey }) =>
			issueEimSigning({ ...base, issuer: ci, publicKey, subject: { commonName: "eim.example.com", organization } }),
		),
	};
}

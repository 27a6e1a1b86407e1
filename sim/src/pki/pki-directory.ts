import { createPublicKey, type KeyObject } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { Eid } from "@iot-esim/shared/ids/eid";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { certificatesOfFile, certificateToPem, privateKeyOf, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import { SimPkiError } from "./errors.ts";
import { type Credential, type PkiMember, pkiMembers, type TestPki } from "./test-pki.ts";

/** A certificate whose key may be someone else's. */
export interface StoredCredential {
	readonly certificate: Uint8Array;
	readonly privateKey?: KeyObject;
}

/** What a PKI folder holds for one curve. */
export interface StoredPki {
	readonly directory: string;
	readonly curve: Curve;
	readonly members: Partial<Readonly<Record<PkiMember, StoredCredential>>>;
	/** By EID. */
	readonly euiccs: ReadonlyMap<string, StoredCredential>;
}

/** Certificate names of SGP.26, without CERT_ and SK_, before the curve's suffix. */
const sgp26Names: Partial<Record<PkiMember, readonly string[]>> = {
	ci: ["CI_ECDSA", "CI_SIG"],
	eum: ["EUM_SIG", "EUM_ECDSA"],
	dpAuth: ["S_SM_DPauth_ECDSA", "S_SM_DPauth_SIG"],
	dpPb: ["S_SM_DPpb_ECDSA", "S_SM_DPpb_SIG"],
	dpTls: ["S_SM_DP_TLS"],
	dsAuth: ["S_SM_DSauth_ECDSA", "S_SM_DSauth_SIG"],
	dsTls: ["S_SM_DS_TLS"],
	eimSign: ["S_EIMsign_ECDSA"],
};
const sgp26Euicc = ["EUICC_SIG", "EUICC_ECDSA"];
const sgp26Suffix: Readonly<Record<Curve, string>> = { "P-256": "NIST", brainpoolP256r1: "BRP" };

/**
 * Writes a test PKI as `<member>.pem` and `<member>.key.pem` (mode 600), cards as `euicc/<EID>.pem`.
 * @throws SimPkiError SIM_PKI_EXISTS unless `overwrite`, SIM_PKI_UNWRITABLE
 */
export function savePki(directory: string, pki: TestPki, options: { readonly overwrite?: boolean } = {}): void {
	if (options.overwrite !== true && existsSync(join(directory, "ci.pem"))) {
		throw new SimPkiError("SIM_PKI_EXISTS", `${directory} already holds a PKI (ci.pem)`);
	}
	try {
		mkdirSync(directory, { recursive: true });
		for (const [member, name] of Object.entries(pkiMembers)) writeCredential(directory, name, pki[member as PkiMember]);
		saveEuicc(directory, pki.eid, pki.euicc);
	} catch (cause) {
		throw unwritable(directory, cause);
	}
}

function unwritable(directory: string, cause: unknown): SimPkiError {
	const { code } = cause as NodeJS.ErrnoException;
	const isNoFolder = code === "EEXIST" || code === "ENOTDIR";
	const reason = isNoFolder ? "there is a file in the place of the folder" : (cause as Error).message;
	return new SimPkiError("SIM_PKI_UNWRITABLE", `${directory} cannot be written: ${reason}`, { cause });
}

/** Adds a card to a PKI folder. */
export function saveEuicc(directory: string, eid: string, credential: Credential): void {
	writeCredential(join(directory, "euicc"), Eid(eid), credential);
}

/**
 * Reads a PKI folder: our own layout, or the file names of SGP.26 (CERT_CI_ECDSA_NIST.der ...).
 * @param options.curve which curve of a folder with both; P-256 when absent
 * @throws SimPkiError SIM_PKI_MISSING when there is no CI certificate of that curve
 */
export function loadPki(directory: string, options: { readonly curve?: Curve } = {}): StoredPki {
	if (!existsSync(directory)) throw new SimPkiError("SIM_PKI_MISSING", `the PKI folder ${directory} does not exist`);
	const stored = existsSync(join(directory, "ci.pem"))
		? loadOwnLayout(directory)
		: loadSgp26(directory, options.curve ?? "P-256");
	if (options.curve !== undefined && stored.curve !== options.curve) {
		throw new SimPkiError("SIM_PKI_MISSING", `the PKI in ${directory} is on ${stored.curve}, not on ${options.curve}`);
	}
	return stored;
}

/**
 * The member with its key.
 * @throws SimPkiError SIM_PKI_MISSING
 */
export function requireMember(pki: StoredPki, member: PkiMember): Credential {
	return withKey(pki, pkiMembers[member], pki.members[member]);
}

/**
 * The card `eid` with its key, or the only card of the folder.
 * @throws SimPkiError SIM_PKI_MISSING
 */
export function requireEuicc(pki: StoredPki, eid?: string): Credential & { readonly eid: string } {
	const [only, ...others] = [...pki.euiccs.keys()];
	const wanted = eid ?? (others.length === 0 ? only : undefined);
	if (wanted === undefined) {
		throw new SimPkiError("SIM_PKI_MISSING", `${pki.directory} holds ${pki.euiccs.size} cards; name one by its EID`);
	}
	return { ...withKey(pki, `euicc/${wanted}`, pki.euiccs.get(wanted)), eid: wanted };
}

/**
 * The folder as a TestPki, when nothing is missing in it.
 * @throws SimPkiError SIM_PKI_MISSING
 */
export function requireTestPki(pki: StoredPki, eid?: string): TestPki {
	const { eid: cardEid, ...euicc } = requireEuicc(pki, eid);
	const members = Object.fromEntries(
		(Object.keys(pkiMembers) as PkiMember[]).map((member) => [member, requireMember(pki, member)]),
	) as Record<PkiMember, Credential>;
	return { ...members, curve: pki.curve, eid: Eid(cardEid), euicc };
}

function withKey(pki: StoredPki, name: string, stored: StoredCredential | undefined): Credential {
	if (stored === undefined) throw new SimPkiError("SIM_PKI_MISSING", `${pki.directory} holds no certificate ${name}`);
	const { certificate, privateKey } = stored;
	if (privateKey === undefined) throw new SimPkiError("SIM_PKI_MISSING", `${pki.directory} holds no key of ${name}`);
	return { certificate, privateKey };
}

function loadOwnLayout(directory: string): StoredPki {
	const members: Partial<Record<PkiMember, StoredCredential>> = {};
	for (const [member, name] of Object.entries(pkiMembers)) {
		const stored = readCredential(join(directory, `${name}.pem`), join(directory, `${name}.key.pem`));
		if (stored !== undefined) members[member as PkiMember] = stored;
	}
	const euiccs = new Map<string, StoredCredential>();
	const cards = join(directory, "euicc");
	for (const file of existsSync(cards) ? readdirSync(cards).sort() : []) {
		const eid = /^(\d{32})\.pem$/.exec(file)?.[1];
		if (eid === undefined) continue;
		const stored = readCredential(join(cards, file), join(cards, `${eid}.key.pem`));
		if (stored !== undefined) euiccs.set(eid, stored);
	}
	return { directory, curve: curveOfCi(directory, members.ci), members, euiccs };
}

function loadSgp26(directory: string, curve: Curve): StoredPki {
	const suffix = sgp26Suffix[curve];
	const find = (names: readonly string[]): StoredCredential | undefined => {
		for (const name of names) {
			const certificate = join(directory, `CERT_${name}_${suffix}.der`);
			const stored = readCredential(certificate, join(directory, `SK_${name}_${suffix}.pem`));
			if (stored !== undefined) return stored;
		}
		return undefined;
	};
	const members: Partial<Record<PkiMember, StoredCredential>> = {};
	for (const [member, names] of Object.entries(sgp26Names)) {
		const stored = find(names);
		if (stored !== undefined) members[member as PkiMember] = stored;
	}
	const euiccs = new Map<string, StoredCredential>();
	const card = find(sgp26Euicc);
	if (card !== undefined) euiccs.set(parseCertificate(card.certificate).subject.serialNumber ?? "", card);
	return { directory, curve: curveOfCi(directory, members.ci), members, euiccs };
}

function curveOfCi(directory: string, ci: StoredCredential | undefined): Curve {
	if (ci === undefined) throw new SimPkiError("SIM_PKI_MISSING", `${directory} holds no CI certificate`);
	return parseCertificate(ci.certificate).curve;
}

function readCredential(certificateFile: string, keyFile: string): StoredCredential | undefined {
	if (!existsSync(certificateFile)) return undefined;
	const [certificate] = certificatesOfFile(new Uint8Array(readFileSync(certificateFile)));
	if (certificate === undefined) return undefined;
	if (!existsSync(keyFile)) return { certificate };
	const privateKey = privateKeyOf(new Uint8Array(readFileSync(keyFile)));
	const { spkiDer } = parseCertificate(certificate);
	if (!createPublicKey(privateKey).export({ format: "der", type: "spki" }).equals(spkiDer)) {
		throw new SimPkiError("SIM_PKI_MISSING", `${keyFile} is not the key of ${certificateFile}`);
	}
	return { certificate, privateKey };
}

function writeCredential(directory: string, name: string, { certificate, privateKey }: Credential): void {
	mkdirSync(directory, { recursive: true });
	writeFileSync(join(directory, `${name}.key.pem`), privateKeyToPem(privateKey), { mode: 0o600 });
	writeFileSync(join(directory, `${name}.pem`), certificateToPem(certificate));
}

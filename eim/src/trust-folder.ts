import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type CertificateList, parseCrl } from "@iot-esim/shared/pki/crl";
import { certificatesOfFile, certificateToPem } from "@iot-esim/shared/pki/pem";
import { TrustStore } from "@iot-esim/shared/pki/trust-store";
import { fileTrouble } from "@iot-esim/shared/util/errors";
import { EimError } from "./errors.ts";

const CERTIFICATES = new Set([".pem", ".crt", ".cer", ".der"]);
const LISTS = new Set([".crl"]);

/** CI certificates and revocation lists of a folder. A folder that is not there is an empty one. */
export class TrustFolder {
	readonly trust: TrustStore;
	readonly #folder: string;
	#crls: readonly CertificateList[] = [];

	/** @throws EimError EIM_FILE_UNREADABLE naming the file; PkiError for what is no CA certificate */
	constructor(folder: string) {
		this.#folder = folder;
		this.trust = TrustStore.of(this.#read(CERTIFICATES).flatMap(({ contents }) => certificatesOfFile(contents)));
		this.reloadLists();
	}

	/** PEM, as TLS takes them. */
	get certificatesPem(): readonly string[] {
		return this.trust.certificates.map(({ der }) => certificateToPem(der));
	}

	/** The revocation lists as last read. */
	readonly crls = (): readonly CertificateList[] => this.#crls;

	/** Reads the revocation lists again: they are published every few days. */
	reloadLists(): void {
		this.#crls = this.#read(LISTS).map(({ contents }) => parseCrl(contents));
	}

	#read(endings: ReadonlySet<string>): { contents: Uint8Array }[] {
		if (!existsSync(this.#folder)) return [];
		const names = readdirSync(this.#folder).filter((name) => endings.has(path.extname(name).toLowerCase()));
		return names.sort().map((name) => {
			const file = path.join(this.#folder, name);
			try {
				return { contents: new Uint8Array(readFileSync(file)) };
			} catch (cause) {
				throw new EimError("EIM_FILE_UNREADABLE", `trust.folder: ${file} cannot be read: ${fileTrouble(cause)}`, {
					cause,
				});
			}
		});
	}
}

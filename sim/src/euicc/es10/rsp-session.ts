import type { Certificate } from "@iot-esim/shared/pki/certificate";
import type { Credential } from "../ecasd.ts";
import type { OneTimeKey } from "../state/settings.ts";
import type { BppLoad } from "./bpp-load.ts";

/** What mutual authentication left behind (SGP.22 section 5.7.13). */
export interface AuthenticatedServer {
	readonly transactionId: Uint8Array;
	readonly serverAddress: string;
	readonly serverOid: string;
	readonly role: "dp-auth" | "ds-auth";
	readonly credential: Credential;
	readonly euiccSignature1: Uint8Array;
}

/** What PrepareDownload added to it (SGP.22 section 5.7.5). */
export interface PreparedDownload {
	readonly smdpCertificate: Certificate;
	readonly oneTimeKey: OneTimeKey;
}

/** The profile that this session has just brought; ImmediateEnable refers to it. */
export interface InstalledProfile {
	readonly isdpAid: Uint8Array;
	readonly smdpOid: string;
	readonly smdpAddress: string;
}

/** The one RSP session of the card. It lasts until power goes, and never survives in the memory. */
export class RspSession {
	challenge: Uint8Array | undefined;
	server: AuthenticatedServer | undefined;
	download: PreparedDownload | undefined;
	load: BppLoad | undefined;
	installed: InstalledProfile | undefined;

	/** A new challenge ends whatever went on before. */
	restart(challenge: Uint8Array): void {
		this.end();
		this.challenge = challenge;
	}

	end(): void {
		this.challenge = undefined;
		this.server = undefined;
		this.download = undefined;
		this.load = undefined;
		this.installed = undefined;
	}
}

import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { readWholeTlv } from "@iot-esim/shared/asn1/tlv-reader";
import { CancelSessionRequest } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { AddInitialEimResponse } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import { GetCertsRequest } from "@iot-esim/shared/messages/sgp32/es10b-card";
import {
	ImmediateEnableRequest,
	ImmediateEnableResponse,
	ProfileRollbackRequest,
	ProfileRollbackResponse,
} from "@iot-esim/shared/messages/sgp32/es10b-switch";
import { CardError } from "./errors.ts";
import { callFor, commandFor } from "./es10.ts";
import type { EuiccChannel } from "./isd-r-channel.ts";

/** What ES10b.ProfileRollback answered; the result, when there is one, replaces that of the package. */
export interface RollbackAnswer {
	readonly cmdResult: number;
	readonly euiccPackageResult: Uint8Array | undefined;
}

const PROFILE_INSTALLATION_RESULT = 0xbf37;

/**
 * Functions of ES10b that change the eUICC or belong to a session on it (SGP.32 §5.9). They are sent once: when the
 * link breaks, the procedure finds out from the card what happened. Signed and relayed octets pass through untouched.
 */
export class Es10Commands {
	readonly #channel: EuiccChannel;

	constructor(channel: EuiccChannel) {
		this.#channel = channel;
	}

	/** ES10b.LoadEuiccPackage: BF51 as received from the eIM, BF51 as signed by the eUICC. */
	loadEuiccPackage(euiccPackageRequest: Uint8Array): Promise<Uint8Array> {
		return callFor(this.#channel, 0xbf51, euiccPackageRequest, false);
	}

	/** ES10b.AddInitialEim: only a card without any eIM takes it. */
	addInitialEim(addInitialEimRequest: Uint8Array): Promise<AddInitialEimResponse> {
		return commandFor(this.#channel, 0xbf57, addInitialEimRequest, AddInitialEimResponse);
	}

	/** ES10b.AuthenticateServer: BF38 in, BF38 out. */
	authenticateServer(authenticateServerRequest: Uint8Array): Promise<Uint8Array> {
		return callFor(this.#channel, 0xbf38, authenticateServerRequest, false);
	}

	/** ES10b.PrepareDownload: BF21 in, BF21 out. */
	prepareDownload(prepareDownloadRequest: Uint8Array): Promise<Uint8Array> {
		return callFor(this.#channel, 0xbf21, prepareDownloadRequest, false);
	}

	/**
	 * ES10b.LoadBoundProfilePackage, segment by segment (SGP.22 §2.5.5). The first response with a Profile Installation
	 * Result ends the load, whether the profile was installed or not.
	 * @throws CardError CARD_RESPONSE_INVALID when the last segment brings no result
	 */
	async loadBoundProfilePackage(segments: Iterable<Uint8Array>): Promise<Uint8Array> {
		let sent = 0;
		for (const segment of segments) {
			const response = await this.#channel.call(segment, false);
			sent++;
			if (response.length > 0 && readWholeTlv(response).tag === PROFILE_INSTALLATION_RESULT) return response;
		}
		throw new CardError(
			"CARD_RESPONSE_INVALID",
			`the card took all ${sent} segments of the profile without an installation result`,
		);
	}

	/** ES10b.CancelSession: BF41. */
	cancelSession(transactionId: Uint8Array, reason: number): Promise<Uint8Array> {
		return callFor(this.#channel, 0xbf41, encode(CancelSessionRequest, { transactionId, reason }), false);
	}

	/** ES10b.GetCerts: BF56. */
	getCerts(euiccCiPKId?: Uint8Array): Promise<Uint8Array> {
		const request = encode(GetCertsRequest, euiccCiPKId === undefined ? {} : { euiccCiPKId });
		return callFor(this.#channel, 0xbf56, request, true);
	}

	/** ES10b.ProfileRollback. */
	async profileRollback(refreshFlag: boolean): Promise<RollbackAnswer> {
		const response = await callFor(this.#channel, 0xbf58, encode(ProfileRollbackRequest, { refreshFlag }), false);
		const { cmdResult, eUICCPackageResult } = decode(ProfileRollbackResponse, response);
		return { cmdResult, euiccPackageResult: eUICCPackageResult?.der };
	}

	/** ES10b.ImmediateEnable: the immediateEnableResult. */
	async immediateEnable(refreshFlag: boolean): Promise<number> {
		const request = encode(ImmediateEnableRequest, { refreshFlag });
		return (await commandFor(this.#channel, 0xbf5a, request, ImmediateEnableResponse)).immediateEnableResult;
	}
}

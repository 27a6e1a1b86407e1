import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { readWholeTlv } from "@iot-esim/shared/asn1/tlv-reader";
import { CancelSessionRequest } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { LoadCRLRequest, LoadCRLResponse } from "@iot-esim/shared/messages/sgp22/crl";
import {
	SetDefaultDpAddressRequest as Es10aSetDefaultDpAddressRequest,
	SetDefaultDpAddressResponse as Es10aSetDefaultDpAddressResponse,
} from "@iot-esim/shared/messages/sgp22/euicc-data";
import {
	SetDefaultDpAddressRequest,
	SetDefaultDpAddressResponse,
} from "@iot-esim/shared/messages/sgp32/default-dp-address";
import { AddInitialEimResponse } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import { GetCertsRequest } from "@iot-esim/shared/messages/sgp32/es10b-card";
import {
	ConfigureImmediateProfileEnablingRequest,
	ConfigureImmediateProfileEnablingResponse,
	DisableEmergencyProfileRequest,
	DisableEmergencyProfileResponse,
	EnableEmergencyProfileRequest,
	EnableEmergencyProfileResponse,
	ExecuteFallbackMechanismRequest,
	ExecuteFallbackMechanismResponse,
	ImmediateEnableRequest,
	ImmediateEnableResponse,
	ProfileRollbackRequest,
	ProfileRollbackResponse,
	ReturnFromFallbackRequest,
	ReturnFromFallbackResponse,
} from "@iot-esim/shared/messages/sgp32/es10b-switch";
import { IpaeActivationRequest, IpaeActivationResponse } from "@iot-esim/shared/messages/sgp32/euicc-info";
import { CardError } from "./errors.ts";
import { callFor, commandFor } from "./es10.ts";
import type { EuiccChannel } from "./isd-r-channel.ts";
import {
	decodeMemoryReset,
	type MemoryResetOptions,
	type MemoryResetResult,
	type MemoryResetVersion,
	memoryResetRequest,
} from "./memory-reset.ts";

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

	/** ES10b.ConfigureImmediateProfileEnabling: the configImmediateEnableResult; without the flag it is switched off. */
	async configureImmediateProfileEnabling(configuration: ConfigureImmediateProfileEnablingRequest): Promise<number> {
		const request = encode(ConfigureImmediateProfileEnablingRequest, configuration);
		const answer = await commandFor(this.#channel, 0xbf59, request, ConfigureImmediateProfileEnablingResponse);
		return answer.configImmediateEnableResult;
	}

	/** ES10b.ExecuteFallbackMechanism: the executeFallbackMechanismResult. */
	async executeFallbackMechanism(refreshFlag: boolean): Promise<number> {
		const request = encode(ExecuteFallbackMechanismRequest, { refreshFlag });
		const answer = await commandFor(this.#channel, 0xbf5d, request, ExecuteFallbackMechanismResponse);
		return answer.executeFallbackMechanismResult;
	}

	/** ES10b.ReturnFromFallback: the returnFromFallbackResult. */
	async returnFromFallback(refreshFlag: boolean): Promise<number> {
		const request = encode(ReturnFromFallbackRequest, { refreshFlag });
		return (await commandFor(this.#channel, 0xbf5e, request, ReturnFromFallbackResponse)).returnFromFallbackResult;
	}

	/** ES10b.EnableEmergencyProfile: the enableEmergencyProfileResult. */
	async enableEmergencyProfile(refreshFlag: boolean): Promise<number> {
		const request = encode(EnableEmergencyProfileRequest, { refreshFlag });
		const answer = await commandFor(this.#channel, 0xbf5b, request, EnableEmergencyProfileResponse);
		return answer.enableEmergencyProfileResult;
	}

	/** ES10b.DisableEmergencyProfile: the disableEmergencyProfileResult. */
	async disableEmergencyProfile(refreshFlag: boolean): Promise<number> {
		const request = encode(DisableEmergencyProfileRequest, { refreshFlag });
		const answer = await commandFor(this.#channel, 0xbf5c, request, DisableEmergencyProfileResponse);
		return answer.disableEmergencyProfileResult;
	}

	/**
	 * eUICCMemoryReset in the form of the card's version: BF64, or BF34 for cards before SGP.32 v1.1 and for SGP.22.
	 * @throws CardError CARD_FUNCTION_REFUSED when the version knows no such option
	 */
	async memoryReset(options: MemoryResetOptions, version: MemoryResetVersion): Promise<MemoryResetResult> {
		const tag = version === "1.1" ? 0xbf64 : 0xbf34;
		const answer = await callFor(this.#channel, tag, memoryResetRequest(options, version), false);
		return decodeMemoryReset(answer);
	}

	/** ES10b.SetDefaultDpAddress (BF65); ES10a (BF3F) for cards that do not know it. An empty address takes it away. */
	async setDefaultDpAddress(defaultDpAddress: string): Promise<number> {
		try {
			const request = encode(SetDefaultDpAddressRequest, { defaultDpAddress });
			const answer = await commandFor(this.#channel, 0xbf65, request, SetDefaultDpAddressResponse);
			return answer.setDefaultDpAddressResult;
		} catch (error) {
			if (!(error instanceof CardError) || error.status !== UNKNOWN_FUNCTION) throw error;
			const request = encode(Es10aSetDefaultDpAddressRequest, { defaultDpAddress });
			const answer = await commandFor(this.#channel, 0xbf3f, request, Es10aSetDefaultDpAddressResponse);
			return answer.setDefaultDpAddressResult;
		}
	}

	/**
	 * ES10b.LoadCRL: one list of revoked certificates, or a part of one, as its CI signed it.
	 * @returns the parts that the card still misses, or the LoadCRLResponseError that refuses the list
	 */
	async loadCrl(crl: Uint8Array): Promise<{ readonly missingParts: readonly number[] } | { readonly error: number }> {
		const request = encode(LoadCRLRequest, { crl });
		const answer = await commandFor(this.#channel, 0xbf35, request, LoadCRLResponse);
		if ("loadCRLResponseError" in answer) return { error: answer.loadCRLResponseError };
		return { missingParts: answer.loadCRLResponseOk.missingParts ?? [] };
	}

	/** ES10b.IpaeActivation: 0, or 1 when the card has no IPA of its own. */
	async activateIpae(): Promise<number> {
		const request = encode(IpaeActivationRequest, { ipaeOption: "1" });
		return (await commandFor(this.#channel, 0xbf42, request, IpaeActivationResponse)).ipaeActivationResult;
	}
}

/** How cards say that they have no such function. */
const UNKNOWN_FUNCTION = 0x6a88;

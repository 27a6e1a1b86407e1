import { decode, encode } from "@iot-esim/shared/asn1/schema";
import {
	SetDefaultDpAddressRequest as Es10aRequest,
	SetDefaultDpAddressResponse as Es10aResponse,
	LpaeActivationResponse,
	LpaeActivationResultCode,
} from "@iot-esim/shared/messages/sgp22/euicc-data";
import {
	SetDefaultDpAddressRequest,
	SetDefaultDpAddressResponse,
	SetDefaultDpAddressResultCode,
} from "@iot-esim/shared/messages/sgp32/default-dp-address";
import {
	ConnectivityParametersErrorCode,
	GetConnectivityParametersResponse,
} from "@iot-esim/shared/messages/sgp32/es10b-card";
import type { Es10Function } from "../euicc.ts";

/** ES10a.SetDefaultDpAddress (BF3F); an empty address takes it away. */
export const setDefaultDpAddressEs10a: Es10Function = (request, { settings }) => {
	settings.set("defaultSmdpAddress", decode(Es10aRequest, request).defaultDpAddress);
	return encode(Es10aResponse, { setDefaultDpAddressResult: SetDefaultDpAddressResultCode.ok });
};

/** ES10b.SetDefaultDpAddress of SGP.32 (BF65). */
export const setDefaultDpAddress: Es10Function = (request, { settings }) => {
	settings.set("defaultSmdpAddress", decode(SetDefaultDpAddressRequest, request).defaultDpAddress);
	return encode(SetDefaultDpAddressResponse, { setDefaultDpAddressResult: SetDefaultDpAddressResultCode.ok });
};

/** ES10b.GetConnectivityParameters (BF5F): what the header of the enabled profile carries, as it is. */
export const getConnectivityParameters: Es10Function = (_request, { profiles }) => {
	const httpParams = profiles.enabled?.connectivityParameters;
	return encode(
		GetConnectivityParametersResponse,
		httpParams === undefined
			? { connectivityParametersError: ConnectivityParametersErrorCode.parametersNotAvailable }
			: { connectivityParameters: { httpParams } },
	);
};

/** LpaeActivation (BF42 of SGP.22): there is no LPA in this card. */
export const activateAgent: Es10Function = () =>
	encode(LpaeActivationResponse, { lpaeActivationResult: LpaeActivationResultCode.notSupported });

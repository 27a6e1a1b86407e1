import { decode, encode } from "@iot-esim/shared/asn1/schema";
import {
	AddInitialEimErrorCode,
	AddInitialEimRequest,
	AddInitialEimResponse,
	GetEimConfigurationDataRequest,
	GetEimConfigurationDataResponse,
} from "@iot-esim/shared/messages/sgp32/eim-configuration";
import {
	ConfigImmediateEnableResultCode,
	ConfigureImmediateProfileEnablingRequest,
	ConfigureImmediateProfileEnablingResponse,
} from "@iot-esim/shared/messages/sgp32/es10b-switch";
import { type Es10Function, isUnderEim } from "../euicc.ts";
import { associate, refusalToAdd } from "./eco.ts";
import { configureImmediateEnable } from "./psmo.ts";

/** ES10b.AddInitialEim (BF57): the first eIMs of a card, all or none; afterwards only an eIM adds others. */
export const addInitialEim: Es10Function = (request, euicc) => {
	const { eimConfigurationDataList: configurations } = decode(AddInitialEimRequest, request);
	const refuse = (addInitialEimError: number) => encode(AddInitialEimResponse, { addInitialEimError });
	if (isUnderEim(euicc)) return refuse(AddInitialEimErrorCode.associatedEimAlreadyExists);
	const names = new Set(configurations.map(({ eimId }) => eimId));
	if (configurations.length === 0 || names.size !== configurations.length) {
		return refuse(AddInitialEimErrorCode.commandError);
	}
	for (const configuration of configurations) {
		const refusal = refusalToAdd(configuration, euicc, configurations.length - 1);
		if (refusal !== undefined) return refuse(refusal);
	}
	const addInitialEimOk = configurations.map((configuration) => {
		const { token } = associate(configuration, euicc);
		return token === undefined ? { addOk: null } : { associationToken: token };
	});
	return encode(AddInitialEimResponse, { addInitialEimOk });
};

/** ES10b.GetEimConfigurationData (BF55): what the card knows of its eIMs, with their counters and tokens as they are. */
export const getEimConfigurationData: Es10Function = (request, { eims }) => {
	const { searchCriteria } = decode(GetEimConfigurationDataRequest, request);
	const eimConfigurationDataList = eims
		.list()
		.filter(({ eimId }) => searchCriteria === undefined || eimId === searchCriteria.eimId)
		.map(({ configuration, counter, token }) => ({
			...configuration,
			counterValue: counter,
			...(token === undefined ? {} : { associationToken: token }),
		}));
	return encode(GetEimConfigurationDataResponse, { eimConfigurationDataList });
};

/** ES10b.ConfigureImmediateProfileEnabling (BF59): for the IPA of a card without eIM only. */
export const configureImmediateProfileEnabling: Es10Function = (request, euicc) => {
	const configuration = decode(ConfigureImmediateProfileEnablingRequest, request);
	const { ok, associatedEimAlreadyExists } = ConfigImmediateEnableResultCode;
	const isAllowed = !isUnderEim(euicc);
	if (isAllowed) configureImmediateEnable(configuration, euicc);
	return encode(ConfigureImmediateProfileEnablingResponse, {
		configImmediateEnableResult: isAllowed ? ok : associatedEimAlreadyExists,
	});
};

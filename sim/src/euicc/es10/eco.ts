import {
	AddEimResultCode,
	DeleteEimResultCode,
	type EuiccResultData,
	UpdateEimResultCode,
} from "@iot-esim/shared/messages/sgp32/command-results";
import { type EimConfigurationData, EimIdTypeCode } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import type { Eco } from "@iot-esim/shared/messages/sgp32/euicc-package";
import type { Euicc } from "../euicc.ts";
import { type AssociatedEim, HIGHEST_COUNTER, signingKeyOf } from "../state/eims.ts";

/** eIMs that a card has room for. */
const MOST_EIMS = 16;
/** In a request: the card shall choose a token. */
const TOKEN_WANTED = -1;

/** Executes one eIM configuration operation of a package. */
export function executeEco(eco: Eco, euicc: Euicc): EuiccResultData {
	if ("addEim" in eco) return { addEimResult: addEim(eco.addEim, euicc) };
	if ("deleteEim" in eco) return { deleteEimResult: deleteEim(eco.deleteEim.eimId, euicc) };
	if ("updateEim" in eco) return { updateEimResult: updateEim(eco.updateEim, euicc) };
	const eimIdList = euicc.eims.list().map(({ eimId, configuration: { eimIdType } }) => ({
		eimId,
		...(eimIdType === undefined || eimIdType === EimIdTypeCode.eimIdTypeProprietary ? {} : { eimIdType }),
	}));
	return { listEimResult: { eimIdList } };
}

function addEim(
	configuration: EimConfigurationData,
	euicc: Euicc,
): { associationToken: number } | { addEimResultCode: number } {
	const refusal = refusalToAdd(configuration, euicc);
	if (refusal !== undefined) return { addEimResultCode: refusal };
	const { token } = associate(configuration, euicc);
	return token === undefined ? { addEimResultCode: AddEimResultCode.ok } : { associationToken: token };
}

/**
 * @param others how many more are to be added with this one
 * @returns the AddEimResult code that refuses a configuration; its codes are those of AddInitialEim too
 */
export function refusalToAdd(
	configuration: EimConfigurationData,
	{ eims, ecasd }: Euicc,
	others = 0,
): number | undefined {
	const code = AddEimResultCode;
	const { eimId, associationToken, counterValue = 0, euiccCiPKId } = configuration;
	if (eims.find(eimId) !== undefined) return code.associatedEimAlreadyExists;
	if (signingKeyOf(configuration) === undefined) return code.commandError;
	if (euiccCiPKId !== undefined && ecasd.credentialFor(euiccCiPKId) === undefined) return code.ciPKUnknown;
	if (associationToken !== undefined && associationToken !== TOKEN_WANTED) return code.invalidAssociationToken;
	if (counterValue < 0 || counterValue > HIGHEST_COUNTER) return code.counterValueOutOfRange;
	return eims.list().length + others >= MOST_EIMS ? code.insufficientMemory : undefined;
}

/** Associates an eIM whose configuration was found good. */
export function associate(configuration: EimConfigurationData, { eims }: Euicc): AssociatedEim {
	const eim: AssociatedEim = {
		eimId: configuration.eimId,
		configuration,
		counter: configuration.counterValue ?? 0,
		token: configuration.associationToken === undefined ? undefined : eims.takeToken(),
	};
	eims.save(eim);
	return eim;
}

function deleteEim(eimId: string, { eims }: Euicc): number {
	if (eims.find(eimId) === undefined) return DeleteEimResultCode.eimNotFound;
	eims.remove(eimId);
	return eims.isEmpty ? DeleteEimResultCode.lastEimDeleted : DeleteEimResultCode.ok;
}

/** What the update names takes the place of what was there; the rest, and the token, stay. */
function updateEim(update: EimConfigurationData, { eims, ecasd }: Euicc): number {
	const code = UpdateEimResultCode;
	const known = eims.find(update.eimId);
	if (known === undefined) return code.eimNotFound;
	const { euiccCiPKId, counterValue, eimPublicKeyData } = update;
	if (euiccCiPKId !== undefined && ecasd.credentialFor(euiccCiPKId) === undefined) return code.ciPKUnknown;
	if (counterValue !== undefined && (counterValue < 0 || counterValue > HIGHEST_COUNTER)) {
		return code.counterValueOutOfRange;
	}
	if (eimPublicKeyData !== undefined && signingKeyOf(update) === undefined) return code.commandError;
	eims.save({
		...known,
		configuration: { ...known.configuration, ...update },
		counter: counterValue ?? known.counter,
	});
	return code.ok;
}

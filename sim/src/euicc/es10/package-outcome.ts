import { DeleteEimResultCode, type EuiccResultData } from "@iot-esim/shared/messages/sgp32/command-results";

/** True for a result that ends the processing of its package (SGP.32 section 5.9.1). */
export function isFailure(result: EuiccResultData): boolean {
	if ("getRATResult" in result) return false;
	if ("processingTerminated" in result) return true;
	if ("listProfileInfoResult" in result) return "profileInfoListError" in result.listProfileInfoResult;
	if ("listEimResult" in result) return "listEimError" in result.listEimResult;
	if ("addEimResult" in result) {
		return "addEimResultCode" in result.addEimResult && result.addEimResult.addEimResultCode !== 0;
	}
	// The eIM is deleted, as was asked; the code only adds that none is left.
	if ("deleteEimResult" in result) {
		const { ok, lastEimDeleted } = DeleteEimResultCode;
		return result.deleteEimResult !== ok && result.deleteEimResult !== lastEimDeleted;
	}
	if ("setDefaultDpAddressResult" in result) return result.setDefaultDpAddressResult.setDefaultDpAddressResult !== 0;
	return Object.values(result).some((code) => code !== 0);
}

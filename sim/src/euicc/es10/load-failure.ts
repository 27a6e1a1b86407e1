/** A load that cannot go on; becomes the error of a ProfileInstallationResult. */
export class LoadFailure extends Error {
	/** ErrorReason of the result. */
	readonly errorReason: number;
	/** EUICCResponse, when profile elements were at fault. */
	readonly simaResponse: Uint8Array | undefined;

	constructor(errorReason: number, simaResponse?: Uint8Array) {
		super(`the profile cannot be installed: reason ${errorReason}`);
		this.errorReason = errorReason;
		this.simaResponse = simaResponse;
	}
}

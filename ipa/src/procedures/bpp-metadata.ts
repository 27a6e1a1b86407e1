export { metadataDifference, metadataOfBoundProfilePackage } from "@iot-esim/shared/security/bpp-metadata";

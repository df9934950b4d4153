import HostAPI
import Testing

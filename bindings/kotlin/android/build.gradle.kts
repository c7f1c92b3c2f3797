// The AAR: these sources and the JVM package's, over the four libraries of ../android-libraries.sh.
plugins {
    id("com.android.library") version "8.7.3"
    id("org.jetbrains.kotlin.android") version "2.1.21"
}

android {
    namespace = "dev.panecast.android"
    compileSdk = 35
    defaultConfig {
        minSdk = 26
        consumerProguardFiles("consumer-rules.pro")
        ndk { abiFilters += listOf("arm64-v8a", "armeabi-v7a", "x86", "x86_64") }
    }
    sourceSets["main"].apply {
        kotlin.srcDirs("src/main/kotlin", "../core/src/main/kotlin")
        jniLibs.srcDir("build/jniLibs")
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }
    kotlinOptions { jvmTarget = "11" }
    // Kept apart and uncompressed, so that the system maps them where they lie: 16 KB pages.
    packaging { jniLibs { useLegacyPackaging = false } }
}

dependencies {
    api("org.jetbrains.kotlinx:kotlinx-coroutines-android:1.11.0")
    implementation("net.java.dev.jna:jna:5.19.1@aar")
}

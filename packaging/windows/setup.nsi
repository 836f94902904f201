; The installer: for this user or, if started as Administrator, for all; no services, no drivers.
; makensis -DVERSION=... -DFROM=folder -DOUT=file
; Of 64 bits itself, as the program is: it needs nothing of 32 bits on the machine.
Target amd64-unicode
Unicode true
SetDateSave off
SetCompressor /SOLID lzma
Name "igorscope ${VERSION}"
OutFile "${OUT}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\igorscope"
InstallDirRegKey HKCU "Software\igorscope" "Folder"
!include LogicLib.nsh
!include x64.nsh

Page directory
Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

!define KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\igorscope"

Section
  ${IfNot} ${RunningX64}
    Abort "igorscope needs 64-bit Windows."
  ${EndIf}
  SetOutPath "$INSTDIR"
  File "${FROM}/*.*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateDirectory "$SMPROGRAMS\igorscope"
  CreateShortcut "$SMPROGRAMS\igorscope\igorscope console.lnk" "$INSTDIR\igorscope-console.cmd"
  CreateShortcut "$SMPROGRAMS\igorscope\Read me.lnk" "$INSTDIR\README.txt"
  ; "Send to": a capture is analyzed from its own menu.
  CreateShortcut "$SENDTO\igorscope.lnk" "$INSTDIR\igorscope.exe"
  WriteRegStr HKCU "Software\igorscope" "Folder" "$INSTDIR"
  WriteRegStr HKCU "${KEY}" "DisplayName" "igorscope ${VERSION}"
  WriteRegStr HKCU "${KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${KEY}" "Publisher" "igorscope contributors"
  WriteRegStr HKCU "${KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegDWORD HKCU "${KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${KEY}" "NoRepair" 1
SectionEnd

Section "Uninstall"
  ; By name: whatever else lies in the folder is somebody's.
  Delete "$INSTDIR\igorscope.exe"
  Delete "$INSTDIR\igorscope-console.cmd"
  Delete "$INSTDIR\igorscope.cdx.json"
  Delete "$INSTDIR\README.md"
  Delete "$INSTDIR\README.txt"
  Delete "$INSTDIR\CHANGELOG.md"
  Delete "$INSTDIR\windows.md"
  Delete "$INSTDIR\LICENSE-MIT.txt"
  Delete "$INSTDIR\LICENSE-APACHE.txt"
  Delete "$INSTDIR\third-party-licences.txt"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\igorscope\igorscope console.lnk"
  Delete "$SMPROGRAMS\igorscope\Read me.lnk"
  RMDir "$SMPROGRAMS\igorscope"
  Delete "$SENDTO\igorscope.lnk"
  DeleteRegKey HKCU "${KEY}"
  DeleteRegKey HKCU "Software\igorscope"
SectionEnd

@echo off
rem A console in which `igorscope` is found, whatever the folder.
set "PATH=%~dp0;%PATH%"
cd /d "%USERPROFILE%"
title igorscope
cmd /k "igorscope --version & echo. & echo Type: igorscope --help"
